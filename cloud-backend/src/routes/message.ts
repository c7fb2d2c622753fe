// An inference message over HTTP. Its JSON part and its bytes share one body; where the JSON ends is
// said by a header of its own (plain v2) or, since SageMaker strips unknown headers, by the content type.
import {
  BINARY_CONTENT_TYPE,
  HEADER_LENGTH_FIELD,
  plainHeaderBytes,
  sagemakerContentType,
  sagemakerHeaderBytes,
} from "@spillway/shared/protocol/content-type";
import {
  decodeRequest,
  encodeResponse,
  type InferenceRequest,
  type InferenceResponse,
  wantsBinary,
} from "@spillway/shared/protocol/message";
import { checkTensor } from "@spillway/shared/protocol/tensor";
import type { Context } from "hono";
import { failureResponse, protocolOutcome } from "../errors.ts";
import type { Model } from "../inference/large-model.ts";
import { type TensorDescription, VARIABLE } from "../inference/signature.ts";

export interface Framing {
  /** Length of the JSON part; null when all of the body is JSON, 0 when none of it is. */
  headerBytes: number | null;
  form: "plain" | "sagemaker";
}

/** How a request says where its JSON ends. The content type outweighs the header. */
export function requestFraming(c: Context): Framing {
  const fromContentType = sagemakerHeaderBytes(c.req.header("Content-Type"));
  if (fromContentType !== null) return { headerBytes: fromContentType, form: "sagemaker" };
  return { headerBytes: plainHeaderBytes(c.req.header(HEADER_LENGTH_FIELD)), form: "plain" };
}

/** Reads a message, has it answered, and replies in the form in which it came. */
export async function answerMessage(c: Context, model: Model, { headerBytes, form }: Framing): Promise<Response> {
  const body = new Uint8Array(await c.req.arrayBuffer());
  const request = protocolOutcome(() =>
    headerBytes === 0 ? rawRequest(body, model.signature.inputs[0]) : decodeRequest(body, headerBytes),
  );
  return request.ok ? answerRequest(c, model, request.value, form) : failureResponse(request);
}

export async function answerRequest(
  c: Context,
  model: Model,
  request: InferenceRequest,
  form: Framing["form"],
): Promise<Response> {
  const outcome = await model.infer(request, c.req.raw.signal);
  return outcome.ok ? messageResponse(outcome.value, request, form) : failureResponse(outcome);
}

/** Triton's raw request: the body is the one input, a batch of one, and all outputs return as bytes. */
function rawRequest(body: Uint8Array<ArrayBuffer>, { name, datatype, shape }: TensorDescription): InferenceRequest {
  const one = shape.map((dimension) => (dimension === VARIABLE ? 1 : dimension));
  return {
    parameters: { binary_data_output: true },
    inputs: [checkTensor({ name, datatype, shape: one, bytes: body })],
  };
}

function messageResponse(response: InferenceResponse, request: InferenceRequest, form: Framing["form"]): Response {
  // A number that JSON cannot hold is only found out here.
  const encoded = protocolOutcome(() => encodeResponse(response, (output) => wantsBinary(request, output)));
  if (!encoded.ok) return failureResponse(encoded);
  const { body, headerBytes } = encoded.value;
  if (form === "sagemaker" || headerBytes === null) {
    return new Response(body, { headers: { "Content-Type": sagemakerContentType(headerBytes) } });
  }
  const headers = { "Content-Type": BINARY_CONTENT_TYPE, [HEADER_LENGTH_FIELD]: String(headerBytes) };
  return new Response(body, { headers });
}
