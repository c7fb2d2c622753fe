// How an inference message lies in an HTTP body. Its JSON part and its bytes share one body; where the
// JSON ends is said by a header of its own (plain v2) or, since SageMaker strips unknown headers, by the
// content type.
import {
  BINARY_CONTENT_TYPE,
  HEADER_LENGTH_FIELD,
  plainHeaderBytes,
  sagemakerContentType,
  sagemakerHeaderBytes,
} from "@spillway/shared/protocol/content-type";
import { decodeRequest, type EncodedMessage, type InferenceRequest } from "@spillway/shared/protocol/message";
import { checkTensor, ProtocolError } from "@spillway/shared/protocol/tensor";
import type { Context } from "hono";
import { type Outcome, protocolOutcome } from "../errors.ts";
import type { Model } from "../inference/model.ts";
import { type Signature, VARIABLE } from "../inference/signature.ts";
import { MAX_BODY_BYTES } from "../limits.ts";
import { jsonLimits } from "./json-limits.ts";

export interface Framing {
  /** Length of the JSON part; null when all of the body is JSON, 0 when none of it is. */
  headerBytes: number | null;
  form: "plain" | "sagemaker";
}

/** What a body means, and in which form its sender wants to be answered. */
export interface Reading {
  form: Framing["form"];
  /** Of the body that it takes. */
  maxBytes: number;
  /** Of the body after whatever compression it travelled in. */
  decode(body: Uint8Array<ArrayBuffer>): Outcome<InferenceRequest>;
}

/** How a request says where its JSON ends. The content type outweighs the header. */
export function requestFraming(c: Context): Framing {
  const fromContentType = sagemakerHeaderBytes(c.req.header("Content-Type"));
  if (fromContentType !== null) return { headerBytes: fromContentType, form: "sagemaker" };
  return { headerBytes: plainHeaderBytes(c.req.header(HEADER_LENGTH_FIELD)), form: "plain" };
}

/** A message for a model, framed as its headers say. */
export function messageReading(
  { headerBytes, form }: Framing,
  { signature, serving }: Pick<Model, "signature" | "serving">,
): Reading {
  const { maxBytes, ...bounds } = jsonLimits(signature, serving.batching.maxBatch);
  const decode = (body: Uint8Array<ArrayBuffer>) =>
    headerBytes === 0 ? rawRequest(body, signature) : decodeRequest(body, headerBytes, bounds);
  return {
    form,
    maxBytes: headerBytes === null ? maxBytes : MAX_BODY_BYTES,
    decode: (body) => protocolOutcome(() => decode(body)),
  };
}

/** An answer in the form in which the request came. */
export function framedResponse({ body, headerBytes }: EncodedMessage, form: Framing["form"]): Response {
  if (form === "sagemaker" || headerBytes === null) {
    return new Response(body, { headers: { "Content-Type": sagemakerContentType(headerBytes) } });
  }
  const headers = { "Content-Type": BINARY_CONTENT_TYPE, [HEADER_LENGTH_FIELD]: String(headerBytes) };
  return new Response(body, { headers });
}

/** Triton's raw request: the body is the one input, a batch of one, and all outputs return as bytes. */
function rawRequest(body: Uint8Array<ArrayBuffer>, { inputs }: Signature): InferenceRequest {
  if (inputs.length !== 1) {
    throw new ProtocolError(`header length: 0 is for models of one input, and this one has ${inputs.length}`);
  }
  const [{ name, datatype, shape }] = inputs;
  const one = shape.map((dimension) => (dimension === VARIABLE ? 1 : dimension));
  return {
    parameters: { binary_data_output: true },
    inputs: [checkTensor({ name, datatype, shape: one, bytes: body })],
  };
}
