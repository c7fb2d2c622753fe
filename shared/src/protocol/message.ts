// Inference requests and responses of the Open Inference Protocol v2, as they travel: a JSON
// header, then the bytes of those tensors that are not in the JSON, in the header's order.
// Text: kserve/open-inference-protocol and Triton's binary tensor data extension.
import { z } from "zod";
import { describeIssues } from "../schema/document.ts";
import { checkJsonBounds } from "./json-bounds.ts";
import { type JsonData, tensorFromJson, tensorToJson } from "./json-data.ts";
import { checkTensor, DATATYPES, MAX_DIMENSIONS, MAX_ELEMENTS, ProtocolError, type Tensor } from "./tensor.ts";

export const MAX_TENSORS = 64;
/** Of a message, a tensor or a requested output. */
export const MAX_PARAMETERS = 64;
/** A header describes tensors; a longer one is data in the wrong place or an attack. */
export const MAX_BINARY_HEADER_BYTES = 1_048_576;
/** Levels of a message's JSON: a tensor's data lies three deep, the rest is for members that nobody knows. */
export const MAX_JSON_DEPTH = MAX_DIMENSIONS + 8;
/** Strings beside the data, and values: the message, its inputs and its outputs have up to five members and parameters. */
export const MAX_DESCRIPTION_STRINGS = 2 * (5 + MAX_PARAMETERS) * (2 * MAX_TENSORS + 1);

/** What the data of a message may amount to where it is JSON. */
export interface JsonDataBounds {
  /** Elements of BYTES. */
  maxStrings: number;
  /** Elements, and the lists around them. */
  maxTokens: number;
}

/** The largest tensor there is, each element in a list of its own. */
const ANY_DATA: JsonDataBounds = { maxStrings: MAX_ELEMENTS, maxTokens: 3 * MAX_ELEMENTS };

// Lists and records are counted before their elements are looked at: zod collects a problem for each,
// and 100,000 overflow its stack. It counts lists first by itself, records not.
const parametersSchema = z
  .record(z.string(), z.unknown())
  .refine((parameters) => Object.keys(parameters).length <= MAX_PARAMETERS, `expected at most ${MAX_PARAMETERS}`)
  .pipe(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])));
export type Parameters = z.infer<typeof parametersSchema>;

/** Parameters of which one is a flag: taken for false, `"true"` would get its sender an answer of another form. */
function parametersWithFlag(flag: string) {
  const isFlag = (parameters: Parameters) => typeof (parameters[flag] ?? false) === "boolean";
  return parametersSchema.refine(isFlag, `${flag}: expected true or false`);
}

const tensorSchema = z.object({
  name: z.string().min(1),
  shape: z.array(z.number()).max(MAX_DIMENSIONS),
  datatype: z.enum(DATATYPES),
  parameters: parametersSchema.optional(),
  // Checked element by element when it is converted; a schema over megabytes of numbers would cost twice.
  data: z.custom<JsonData>((value) => value !== undefined && value !== null).optional(),
});
type WireTensor = z.infer<typeof tensorSchema>;

const requestSchema = z.object({
  id: z.string().optional(),
  parameters: parametersWithFlag("binary_data_output").optional(),
  inputs: z.array(tensorSchema).min(1).max(MAX_TENSORS),
  outputs: z
    .array(z.object({ name: z.string().min(1), parameters: parametersWithFlag("binary_data").optional() }))
    .max(MAX_TENSORS)
    .optional(),
});

const responseSchema = z.object({
  model_name: z.string(),
  model_version: z.string().optional(),
  id: z.string().optional(),
  parameters: parametersSchema.optional(),
  outputs: z.array(tensorSchema).max(MAX_TENSORS),
});

export interface RequestedOutput {
  name: string;
  parameters?: Parameters | undefined;
}

export interface InferenceRequest {
  id?: string | undefined;
  parameters?: Parameters | undefined;
  inputs: Tensor[];
  outputs?: RequestedOutput[] | undefined;
}

export interface InferenceResponse {
  modelName: string;
  modelVersion?: string | undefined;
  id?: string | undefined;
  parameters?: Parameters | undefined;
  outputs: Tensor[];
}

/** A body and the length of its JSON part; null when all of it is JSON. */
export interface EncodedMessage {
  body: Uint8Array<ArrayBuffer>;
  headerBytes: number | null;
}

/** Encodes a request whose tensors all travel as bytes, asking for outputs as bytes too. */
export function encodeRequest(request: InferenceRequest): EncodedMessage {
  const header = {
    id: request.id,
    parameters: { ...request.parameters, binary_data_output: true },
    inputs: request.inputs.map(binaryDescription),
    outputs: request.outputs,
  };
  return joinBinary(header, request.inputs);
}

/**
 * @param bounds what whoever is asked can take: JSON beyond it is not parsed
 * @throws ProtocolError for anything the protocol does not allow
 */
export function decodeRequest(
  body: Uint8Array<ArrayBuffer>,
  headerBytes: number | null,
  bounds = ANY_DATA,
): InferenceRequest {
  const { json, binary } = splitBinary(body, headerBytes);
  const request = parse(requestSchema, json, bounds);
  return { ...request, inputs: readTensors(request.inputs, binary) };
}

/** Encodes a response; `isBinary` says of each output whether it travels as bytes. */
export function encodeResponse(response: InferenceResponse, isBinary: (output: string) => boolean): EncodedMessage {
  const binaryOutputs = response.outputs.filter((output) => isBinary(output.name));
  const header = {
    model_name: response.modelName,
    model_version: response.modelVersion,
    id: response.id,
    parameters: response.parameters,
    outputs: response.outputs.map((output) =>
      isBinary(output.name) ? binaryDescription(output) : { ...description(output), data: tensorToJson(output) },
    ),
  };
  const message = joinBinary(header, binaryOutputs);
  return binaryOutputs.length === 0 ? { ...message, headerBytes: null } : message;
}

/** @throws ProtocolError for anything the protocol does not allow */
export function decodeResponse(body: Uint8Array<ArrayBuffer>, headerBytes: number | null): InferenceResponse {
  const { json, binary } = splitBinary(body, headerBytes);
  const response = parse(responseSchema, json, ANY_DATA);
  return {
    modelName: response.model_name,
    modelVersion: response.model_version,
    id: response.id,
    parameters: response.parameters,
    outputs: readTensors(response.outputs, binary),
  };
}

/** Whether the caller asked for this output as bytes; the output's own word outweighs the request's. */
export function wantsBinary(request: InferenceRequest, output: string): boolean {
  const requested = request.outputs?.find((candidate) => candidate.name === output);
  return (requested?.parameters?.binary_data ?? request.parameters?.binary_data_output) === true;
}

function description(tensor: Tensor) {
  return { name: tensor.name, shape: tensor.shape, datatype: tensor.datatype };
}

function binaryDescription(tensor: Tensor) {
  return { ...description(tensor), parameters: { binary_data_size: tensor.bytes.byteLength } };
}

function joinBinary(header: unknown, tensors: readonly Tensor[]): EncodedMessage {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const body = new Uint8Array(tensors.reduce((sum, tensor) => sum + tensor.bytes.byteLength, json.byteLength));
  body.set(json);
  let at = json.byteLength;
  for (const tensor of tensors) {
    body.set(tensor.bytes, at);
    at += tensor.bytes.byteLength;
  }
  return { body, headerBytes: json.byteLength };
}

function splitBinary(body: Uint8Array<ArrayBuffer>, headerBytes: number | null) {
  if (headerBytes === null) return { json: body, binary: new Uint8Array(0) };
  const limit = Math.min(body.byteLength, MAX_BINARY_HEADER_BYTES);
  if (!Number.isSafeInteger(headerBytes) || headerBytes < 1 || headerBytes > limit) {
    throw new ProtocolError(`header length: expected 1 to ${limit}, got ${headerBytes}`);
  }
  return { json: body.subarray(0, headerBytes), binary: body.subarray(headerBytes) };
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  json: Uint8Array,
  { maxStrings, maxTokens }: JsonDataBounds,
): z.infer<Schema> {
  checkJsonBounds(json, {
    maxDepth: MAX_JSON_DEPTH,
    maxStrings: maxStrings + MAX_DESCRIPTION_STRINGS,
    // Whatever describes is a string, or a member whose key is one.
    maxTokens: maxTokens + MAX_DESCRIPTION_STRINGS,
  });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(json));
  } catch {
    throw new ProtocolError("body: expected JSON in UTF-8");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new ProtocolError(describeIssues(parsed.error));
  return parsed.data;
}

/** Takes each tensor's data from the JSON, or from the next bytes; every byte must belong to one. */
function readTensors(described: readonly WireTensor[], binary: Uint8Array<ArrayBuffer>): Tensor[] {
  const names = new Set(described.map((wire) => wire.name));
  if (names.size < described.length) throw new ProtocolError("tensors: expected each name once");
  let at = 0;
  const tensors = described.map((wire) => {
    const { name, datatype, shape, data } = wire;
    const size = wire.parameters?.binary_data_size;
    if (size === undefined) {
      if (data === undefined) throw new ProtocolError(`${name}: has neither data nor binary_data_size`);
      return tensorFromJson(name, datatype, shape, data);
    }
    if (data !== undefined) throw new ProtocolError(`${name}: has both data and binary_data_size`);
    if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0 || at + size > binary.byteLength) {
      throw new ProtocolError(`${name}: binary_data_size ${size} exceeds the ${binary.byteLength - at} bytes left`);
    }
    at += size;
    return checkTensor({ name, datatype, shape, bytes: binary.subarray(at - size, at) });
  });
  if (at !== binary.byteLength) throw new ProtocolError(`body: ${binary.byteLength - at} bytes belong to no tensor`);
  return tensors;
}
