// Requests and responses of the protocol's inference endpoint: JSON, with tensors in it or, by the binary
// tensor extension, behind it.
import type { TensorMetadata } from "./onnx-model.ts";
import { bytesOf, jsonOf, type NamedTensor, valuesOfBytes, valuesOfJson } from "./tensors.ts";

/** What the client did wrong, in words for it. */
export class BadRequest extends Error {
  readonly status = 400;
}

export interface PlainRequest {
  id: string | undefined;
  inputs: NamedTensor[];
  /** Names; none means all. */
  outputs: string[];
  /** Whether an output is wanted as bytes. */
  isBinary(output: string): boolean;
}

type Json = Record<string, unknown>;

/** @throws BadRequest for whatever the protocol or the model does not allow */
export function readRequest(
  body: Buffer,
  headerLength: string | string[] | undefined,
  expected: readonly TensorMetadata[],
): PlainRequest {
  const headerBytes = headerLength === undefined ? body.byteLength : Number(headerLength);
  if (!Number.isInteger(headerBytes) || headerBytes < 1 || headerBytes > body.byteLength) {
    throw new BadRequest(`Inference-Header-Content-Length: expected 1 to ${body.byteLength}, got ${headerLength}`);
  }
  const header = parse(body.subarray(0, headerBytes));
  const outputs = header.outputs === undefined ? [] : records(header.outputs, "outputs");
  return {
    id: header.id === undefined ? undefined : text(header.id, "id"),
    inputs: readInputs(records(header.inputs, "inputs"), body.subarray(headerBytes), expected),
    outputs: outputs.map((output) => text(output.name, "outputs: name")),
    isBinary(name) {
      const output = outputs.find((candidate) => candidate.name === name);
      const own = record(output?.parameters ?? {}, "parameters").binary_data;
      return (own ?? record(header.parameters ?? {}, "parameters").binary_data_output) === true;
    },
  };
}

function readInputs(described: readonly Json[], binary: Buffer, expected: readonly TensorMetadata[]): NamedTensor[] {
  const names = described.map((input) => text(input.name, "inputs: name"));
  if (
    names.toSorted().join() !==
    expected
      .map(({ name }) => name)
      .toSorted()
      .join()
  ) {
    throw new BadRequest(`inputs: expected ${expected.map(({ name }) => name)}, got ${names}`);
  }
  let at = 0;
  const inputs = described.map((input) => {
    const { name, datatype, shape } = checkShape(input, expected);
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    const size = record(input.parameters ?? {}, "parameters").binary_data_size;
    if ((size === undefined) === (input.data === undefined)) {
      throw new BadRequest(`${name}: expected either data or binary_data_size`);
    }
    if (size === undefined) return { name, datatype, shape, values: valuesOfJson(name, datatype, count, input.data) };
    if (!Number.isInteger(size) || Number(size) < 0)
      throw new BadRequest(`${name}: binary_data_size: expected a whole number`);
    const bytes = binary.subarray(at, at + Number(size));
    at += Number(size);
    return { name, datatype, shape, values: valuesOfBytes(name, datatype, count, bytes) };
  });
  const batches = new Set(inputs.map(({ shape }) => shape[0]));
  if (batches.size > 1) throw new BadRequest(`inputs: expected one batch size, got ${[...batches].join(" and ")}`);
  if (at !== binary.byteLength) throw new BadRequest(`expected ${at} bytes behind the JSON, got ${binary.byteLength}`);
  return inputs;
}

function checkShape(input: Json, expected: readonly TensorMetadata[]): TensorMetadata {
  const model = expected.find(({ name }) => name === input.name) as TensorMetadata;
  const shape = input.shape;
  const isShape = Array.isArray(shape) && shape.every((dimension) => Number.isSafeInteger(dimension) && dimension >= 0);
  const isRight =
    isShape &&
    shape.length === model.shape.length &&
    model.shape.every((dimension, axis) => dimension === -1 || dimension === shape[axis]);
  if (!isRight) throw new BadRequest(`${model.name}: expected shape [${model.shape}], got ${JSON.stringify(shape)}`);
  if (input.datatype !== model.datatype) {
    throw new BadRequest(`${model.name}: expected ${model.datatype}, got ${JSON.stringify(input.datatype)}`);
  }
  return { ...model, shape };
}

export interface WrittenResponse {
  body: Uint8Array;
  /** Null when all of it is JSON. */
  headerBytes: number | null;
}

export function writeResponse(
  head: Json,
  outputs: readonly NamedTensor[],
  isBinary: (output: string) => boolean,
): WrittenResponse {
  const binary = outputs.filter(({ name }) => isBinary(name));
  const described = outputs.map((output) => {
    const { name, datatype, shape } = output;
    const value = isBinary(name)
      ? { parameters: { binary_data_size: bytesOf(output).byteLength } }
      : { data: jsonOf(output) };
    return { name, datatype, shape, ...value };
  });
  const header = Buffer.from(JSON.stringify({ ...head, outputs: described }));
  const body = Buffer.concat([header, ...binary.map(bytesOf)]);
  return { body, headerBytes: binary.length === 0 ? null : header.byteLength };
}

function parse(bytes: Buffer): Json {
  try {
    return record(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)), "body");
  } catch (error) {
    throw error instanceof BadRequest ? error : new BadRequest("body: expected JSON");
  }
}

function record(value: unknown, name: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Json;
  throw new BadRequest(`${name}: expected an object`);
}

function records(value: unknown, name: string): Json[] {
  if (Array.isArray(value)) return value.map((element) => record(element, name));
  throw new BadRequest(`${name}: expected a list`);
}

function text(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new BadRequest(`${name}: expected a string`);
}
