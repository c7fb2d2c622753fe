// Tensors of the Open Inference Protocol v2. Values live as little-endian bytes, the form in which
// they cross the wire; JSON is the exception and is converted at the edge.

/** Bytes an element takes; BYTES elements carry their own length. */
const ELEMENT_BYTES = {
  BOOL: 1,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  UINT16: 2,
  FP16: 2,
  INT32: 4,
  UINT32: 4,
  FP32: 4,
  INT64: 8,
  UINT64: 8,
  FP64: 8,
  BYTES: null,
} as const;

export type Datatype = keyof typeof ELEMENT_BYTES;
export const DATATYPES = Object.keys(ELEMENT_BYTES) as [Datatype, ...Datatype[]];

/** Those whose values are numbers of a fixed size. */
export type NumericDatatype = Exclude<Datatype, "BYTES">;

/** The array that holds each one's values, in JavaScript as in ONNX Runtime. */
export const NUMERIC_ARRAYS = {
  BOOL: Uint8Array,
  INT8: Int8Array,
  UINT8: Uint8Array,
  INT16: Int16Array,
  UINT16: Uint16Array,
  FP16: Float16Array,
  INT32: Int32Array,
  UINT32: Uint32Array,
  FP32: Float32Array,
  INT64: BigInt64Array,
  UINT64: BigUint64Array,
  FP64: Float64Array,
} as const satisfies Record<NumericDatatype, unknown>;

/** More dimensions than any image tensor has. */
export const MAX_DIMENSIONS = 8;
/** Shapes that declare more elements than this are refused before anything is allocated. */
export const MAX_ELEMENTS = 2 ** 26;

export interface Tensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  /** Row-major, little-endian; a BYTES element is a uint32 length followed by its bytes. */
  bytes: Uint8Array<ArrayBuffer>;
}

/** A message from outside that is not what the protocol allows; its text is fit for the caller. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** Product of the dimensions. @throws ProtocolError for a shape no tensor can have */
export function elementCount(shape: readonly number[]): number {
  if (shape.length > MAX_DIMENSIONS) {
    throw new ProtocolError(`shape: expected at most ${MAX_DIMENSIONS} dimensions, got ${shape.length}`);
  }
  let count = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) {
      throw new ProtocolError(`shape: expected whole numbers of at least 0, got [${shape.join(", ")}]`);
    }
    count *= dimension;
    if (count > MAX_ELEMENTS)
      throw new ProtocolError(`shape: expected at most ${MAX_ELEMENTS} elements, got [${shape.join(", ")}]`);
  }
  return count;
}

/** Checks that the bytes are exactly the tensor the shape declares. @throws ProtocolError otherwise */
export function checkTensor(tensor: Tensor): Tensor {
  const count = elementCount(tensor.shape);
  const size = ELEMENT_BYTES[tensor.datatype];
  if (size === null) {
    const elements = countByteElements(tensor);
    if (elements !== count) throw new ProtocolError(`${tensor.name}: expected ${count} elements, got ${elements}`);
  } else if (tensor.bytes.byteLength !== count * size) {
    throw new ProtocolError(
      `${tensor.name}: expected ${count * size} bytes for ${tensor.datatype} [${tensor.shape.join(", ")}], got ${tensor.bytes.byteLength}`,
    );
  }
  return tensor;
}

/** A tensor over the same bytes as a typed array. Every platform we run on is little-endian. */
export function tensorOf(
  name: string,
  shape: number[],
  values: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
): Tensor {
  const datatype = values instanceof Float32Array ? "FP32" : "UINT8";
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return checkTensor({ name, datatype, shape, bytes });
}

/** A BYTES tensor of shape [elements.length]. */
export function bytesTensorOf(name: string, elements: readonly Uint8Array[]): Tensor {
  const total = elements.reduce((sum, element) => sum + 4 + element.byteLength, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.byteLength, true);
    bytes.set(element, at + 4);
    at += 4 + element.byteLength;
  }
  return { name, datatype: "BYTES", shape: [elements.length], bytes };
}

/** The elements of a BYTES tensor, as views. @throws ProtocolError for a length that runs past the end */
export function readByteElements(tensor: Tensor): Uint8Array<ArrayBuffer>[] {
  const { bytes } = tensor;
  const elements: Uint8Array<ArrayBuffer>[] = [];
  for (let at = 0, end = 0; at < bytes.byteLength; at = end) {
    end = endOfElement(tensor, at);
    elements.push(bytes.subarray(at + 4, end));
  }
  return elements;
}

/** Without a view of each: megabytes of empty elements would be millions of them. */
function countByteElements(tensor: Tensor): number {
  let count = 0;
  for (let at = 0; at < tensor.bytes.byteLength; at = endOfElement(tensor, at)) count += 1;
  return count;
}

function endOfElement({ bytes, name }: Tensor, at: number): number {
  const length = bytes[at] + bytes[at + 1] * 2 ** 8 + bytes[at + 2] * 2 ** 16 + bytes[at + 3] * 2 ** 24;
  const end = at + 4 + length;
  // Without all four bytes there is no length: NaN is not within either.
  if (end <= bytes.byteLength) return end;
  throw new ProtocolError(`${name}: an element runs past the end of the tensor`);
}

/** The values of an FP32 tensor, copied so that they are aligned. @throws ProtocolError for another datatype */
export function float32Values(tensor: Tensor): Float32Array<ArrayBuffer> {
  if (tensor.datatype !== "FP32") throw new ProtocolError(`${tensor.name}: expected FP32, got ${tensor.datatype}`);
  return new Float32Array(tensor.bytes.slice().buffer);
}
