// Values of tensors: little-endian bytes without padding, or JSON numbers, row-major either way.
import { BadRequest } from "./message.ts";

export const ARRAYS = {
  BOOL: { type: "bool", Values: Uint8Array },
  UINT8: { type: "uint8", Values: Uint8Array },
  INT32: { type: "int32", Values: Int32Array },
  INT64: { type: "int64", Values: BigInt64Array },
  FP32: { type: "float32", Values: Float32Array },
  FP64: { type: "float64", Values: Float64Array },
} as const;
export type Datatype = keyof typeof ARRAYS;

export interface NamedTensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  values: InstanceType<(typeof ARRAYS)[Datatype]["Values"]>;
}

/** @throws BadRequest when there are not as many bytes as the shape takes */
export function valuesOfBytes(name: string, datatype: Datatype, count: number, bytes: Buffer): NamedTensor["values"] {
  const { Values } = ARRAYS[datatype];
  if (bytes.byteLength !== count * Values.BYTES_PER_ELEMENT) {
    throw new BadRequest(`${name}: expected ${count * Values.BYTES_PER_ELEMENT} bytes, got ${bytes.byteLength}`);
  }
  // Copied, as they may lie anywhere in the body and typed arrays want to be aligned.
  return new Values(Uint8Array.from(bytes).buffer);
}

/** @throws BadRequest when there are not as many numbers as the shape takes, or one is not of the datatype */
export function valuesOfJson(name: string, datatype: Datatype, count: number, data: unknown): NamedTensor["values"] {
  const numbers = Array.isArray(data) ? data.flat(Number.POSITIVE_INFINITY) : [data];
  if (numbers.length !== count) throw new BadRequest(`${name}: expected ${count} values, got ${numbers.length}`);
  const values = new ARRAYS[datatype].Values(count);
  for (const [index, number] of numbers.entries()) {
    if (typeof number !== (datatype === "BOOL" ? "boolean" : "number")) {
      throw new BadRequest(`${name}: ${JSON.stringify(number)} is not ${datatype}`);
    }
    if (!store(values, index, Number(number))) throw new BadRequest(`${name}: ${number} does not fit ${datatype}`);
  }
  return values;
}

/** Floats are rounded. @returns whether the number fits */
function store(values: NamedTensor["values"], index: number, number: number): boolean {
  if (values instanceof Float32Array || values instanceof Float64Array) {
    values[index] = number;
    return true;
  }
  if (!Number.isSafeInteger(number)) return false;
  values[index] = values instanceof BigInt64Array ? BigInt(number) : number;
  return Number(values[index]) === number;
}

export function bytesOf({ values }: NamedTensor): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

export function jsonOf({ datatype, values }: NamedTensor): (number | boolean)[] {
  return Array.from(values as Iterable<number | bigint>, (value) =>
    datatype === "BOOL" ? value !== 0 : Number(value),
  );
}
