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
import { type Signature, VARIABLE } from "@spillway/shared/protocol/graph-signature";
import { decodeRequest, type EncodedMessage, type InferenceRequest } from "@spillway/shared/protocol/message";
import { bytesTensorOf, checkTensor, ProtocolError, type Tensor } from "@spillway/shared/protocol/tensor";
import type { Context } from "hono";
import { type Outcome, protocolOutcome } from "../errors.ts";
import type { Model } from "../inference/model.ts";
import { MAX_BODY_BYTES, MAX_FRAME_BYTES } from "../limits.ts";
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
  model: Pick<Model, "signature" | "encoded" | "serving">,
): Reading {
  if (headerBytes === 0) return rawReading(form, model);
  const { maxBytes, ...bounds } = jsonLimits(model.signature, model.serving.batching.maxBatch);
  return {
    form,
    maxBytes: headerBytes === null ? maxBytes : MAX_BODY_BYTES,
    decode: (body) => protocolOutcome(() => decodeRequest(body, headerBytes, bounds)),
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

/**
 * Triton's raw request: the body is the one input, a batch of one, and all outputs return as bytes. For a
 * model that takes frames it is one frame, without the length that comes before each of several.
 */
function rawReading(form: Framing["form"], { signature, encoded }: Pick<Model, "signature" | "encoded">): Reading {
  const frameName = encoded?.kind === "frame" ? encoded.name : null;
  const inputOf = (body: Uint8Array<ArrayBuffer>) =>
    frameName === null ? rawTensor(body, signature) : bytesTensorOf(frameName, [body]);
  return {
    form,
    maxBytes: frameName === null ? MAX_BODY_BYTES : MAX_FRAME_BYTES,
    decode: (body) => protocolOutcome(() => ({ parameters: { binary_data_output: true }, inputs: [inputOf(body)] })),
  };
}

function rawTensor(body: Uint8Array<ArrayBuffer>, { inputs }: Signature): Tensor {
  if (inputs.length !== 1) {
    throw new ProtocolError(`header length: 0 is for models of one input, and this one has ${inputs.length}`);
  }
  const [{ name, datatype, shape }] = inputs;
  const one = shape.map((dimension) => (dimension === VARIABLE ? 1 : dimension));
  return checkTensor({ name, datatype, shape: one, bytes: body });
}
