// What a body means that SageMaker passes on: a message of the protocol, as JSON or with binary tensors,
// or an image as it came from a camera, which is a request for all that the model says of it.
import {
  BINARY_CONTENT_TYPE,
  HEADER_LENGTH_FIELD,
  SAGEMAKER_TYPE_PREFIX,
} from "@spillway/shared/protocol/content-type";
import type { Signature } from "@spillway/shared/protocol/graph-signature";
import { bytesTensorOf } from "@spillway/shared/protocol/tensor";
import type { Context } from "hono";
import { failure, failureResponse, type Outcome, success } from "../errors.ts";
import type { Model } from "../inference/model.ts";
import { MAX_BODY_BYTES } from "../limits.ts";
import { answerInference } from "./answer-inference.ts";
import { messageReading, type Reading, requestFraming } from "./framing.ts";

const IMAGE_TYPES = ["image/jpeg", "image/png", "image/webp"];
/** As it is written in messages to people. */
const SAGEMAKER_TYPE = `${SAGEMAKER_TYPE_PREFIX}<N>`;
const ACCEPTED_TYPES = ["application/json", SAGEMAKER_TYPE, BINARY_CONTENT_TYPE, ...IMAGE_TYPES];
const UNKNOWN_TYPE = failure("unsupported-type", `expected one of ${ACCEPTED_TYPES.join(", ")}`);
const LENGTH_MISSING = failure(
  "bad-request",
  `${BINARY_CONTENT_TYPE} needs ${HEADER_LENGTH_FIELD}; behind SageMaker, which strips it, send ${SAGEMAKER_TYPE}`,
);

export async function answerInvocation(c: Context, model: Model): Promise<Response> {
  const reading = invocationReading(c, model);
  return reading.ok ? answerInference(c, model, reading.value) : failureResponse(reading);
}

function invocationReading(c: Context, model: Model): Outcome<Reading> {
  const framing = requestFraming(c);
  const mediaType = (c.req.header("Content-Type") ?? "").split(";")[0].trim().toLowerCase();
  if (framing.form === "sagemaker") return success(messageReading(framing, model));
  // SageMaker would strip the plain header from the reply as well.
  if (mediaType === "application/json") return success(messageReading({ ...framing, form: "sagemaker" }, model));
  if (mediaType === BINARY_CONTENT_TYPE) {
    return framing.headerBytes === null ? LENGTH_MISSING : success(messageReading(framing, model));
  }
  return IMAGE_TYPES.includes(mediaType) ? success(imageReading(model.signature)) : UNKNOWN_TYPE;
}

function imageReading({ inputs }: Signature): Reading {
  const [{ name }] = inputs;
  return {
    form: "sagemaker",
    maxBytes: MAX_BODY_BYTES,
    decode: (image) => success({ inputs: [bytesTensorOf(name, [image])] }),
  };
}
