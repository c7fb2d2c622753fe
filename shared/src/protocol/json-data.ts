// Tensor data as JSON: nested or flat, row-major lists of numbers, booleans or strings.
import {
  bytesTensorOf,
  type Datatype,
  elementCount,
  NUMERIC_ARRAYS,
  type NumericDatatype,
  ProtocolError,
  readByteElements,
  type Tensor,
} from "./tensor.ts";

export type JsonElement = number | boolean | string;
export type JsonData = JsonElement | JsonData[];

/**
 * A tensor from its JSON data.
 *
 * @throws ProtocolError when the count is not the shape's, or an element is not of the datatype
 */
export function tensorFromJson(name: string, datatype: Datatype, shape: number[], data: JsonData): Tensor {
  const count = elementCount(shape);
  const elements = flatten(data, count, name);
  if (elements.length !== count) throw new ProtocolError(`${name}: expected ${count} elements, got ${elements.length}`);
  if (datatype === "BYTES") {
    const encoder = new TextEncoder();
    const encoded = elements.map((element) => encoder.encode(expectString(name, element)));
    return { ...bytesTensorOf(name, encoded), shape };
  }
  const values = new NUMERIC_ARRAYS[datatype](count);
  elements.forEach((element, index) => {
    const value = expectNumber(name, datatype, element);
    const isWide = values instanceof BigInt64Array || values instanceof BigUint64Array;
    values[index] = isWide ? BigInt(value) : value;
    if (isRounding(datatype)) return;
    if (Number(values[index]) !== value) throw new ProtocolError(`${name}: ${value} does not fit ${datatype}`);
  });
  return { name, datatype, shape, bytes: new Uint8Array(values.buffer) };
}

/**
 * The data of a tensor as one flat list. 64-bit integers beyond 2^53 lose their last digits, as in
 * any JSON; BYTES must be UTF-8, and JSON has no NaN and no infinities.
 *
 * @throws ProtocolError for BYTES that are not text and numbers that are not finite
 */
export function tensorToJson(tensor: Tensor): JsonElement[] {
  if (tensor.datatype === "BYTES") return readByteElements(tensor).map((element) => decodeText(tensor.name, element));
  const values = new NUMERIC_ARRAYS[tensor.datatype](tensor.bytes.slice().buffer);
  const elements: JsonElement[] = [];
  for (const value of values) {
    const number = Number(value);
    if (!Number.isFinite(number)) throw new ProtocolError(`${tensor.name}: holds ${number}; ask for binary data`);
    elements.push(tensor.datatype === "BOOL" ? number !== 0 : number);
  }
  return elements;
}

/** Depth first, left to right, without recursion: nesting is the sender's to choose. */
function flatten(data: JsonData, limit: number, name: string): JsonElement[] {
  const elements: JsonElement[] = [];
  const pending: JsonData[] = [data];
  while (pending.length > 0) {
    const next = pending.pop() as JsonData;
    if (Array.isArray(next)) {
      for (let index = next.length - 1; index >= 0; index--) pending.push(next[index]);
    } else {
      elements.push(next);
      if (elements.length > limit) throw new ProtocolError(`${name}: expected ${limit} elements, got more`);
    }
  }
  return elements;
}

function isRounding(datatype: NumericDatatype): boolean {
  return datatype === "FP16" || datatype === "FP32" || datatype === "FP64";
}

function expectString(name: string, element: JsonElement): string {
  if (typeof element !== "string") throw new ProtocolError(`${name}: ${shown(element)} is not a string for BYTES`);
  return element;
}

function expectNumber(name: string, datatype: NumericDatatype, element: JsonElement): number {
  if (datatype === "BOOL") {
    if (element === true || element === 1) return 1;
    if (element === false || element === 0) return 0;
  } else if (typeof element === "number" && (isRounding(datatype) || Number.isSafeInteger(element))) {
    return element;
  }
  throw new ProtocolError(`${name}: ${shown(element)} is not ${datatype}`);
}

/** Untrusted JSON in a message: objects by their kind alone, as they may be deeper than the stack and have any toString. */
function shown(element: unknown): string {
  if (typeof element === "object") return element === null ? "null" : "an object";
  return typeof element === "string" ? JSON.stringify(element.slice(0, 32)) : String(element);
}

function decodeText(name: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ProtocolError(`${name}: holds bytes that are not UTF-8; ask for binary data`);
  }
}
