// What SageMaker asks of a container: GET /ping and POST /invocations.
import {
  BINARY_CONTENT_TYPE,
  HEADER_LENGTH_FIELD,
  SAGEMAKER_TYPE_PREFIX,
} from "@spillway/shared/protocol/content-type";
import { bytesTensorOf } from "@spillway/shared/protocol/tensor";
import { type Context, Hono } from "hono";
import { failure, failureResponse } from "../errors.ts";
import type { Model } from "../inference/large-model.ts";
import { limitBody } from "./body-limit.ts";
import { answerMessage, answerRequest, requestFraming } from "./message.ts";

const IMAGE_TYPES = ["image/jpeg", "image/png", "image/webp"];
/** As it is written in messages to people. */
const SAGEMAKER_TYPE = `${SAGEMAKER_TYPE_PREFIX}<N>`;
const ACCEPTED_TYPES = ["application/json", SAGEMAKER_TYPE, BINARY_CONTENT_TYPE, ...IMAGE_TYPES];
const LENGTH_MISSING = failure(
  "bad-request",
  `${BINARY_CONTENT_TYPE} needs ${HEADER_LENGTH_FIELD}; behind SageMaker, which strips it, send ${SAGEMAKER_TYPE}`,
);

export function sagemakerRoutes(model: Model, isReady: () => boolean): Hono {
  const routes = new Hono();
  routes.get("/ping", () => new Response(null, { status: isReady() ? 200 : 503 }));
  routes.post("/invocations", limitBody, (c) => answerInvocation(c, model));
  // Where a client finds an endpoint at SageMaker itself: with this address in its place, the AWS SDK
  // speaks to the container directly, and the Worker's `sagemaker` client can be tried without AWS.
  routes.post("/endpoints/:endpoint/invocations", limitBody, (c) => answerInvocation(c, model));
  return routes;
}

async function answerInvocation(c: Context, model: Model): Promise<Response> {
  const framing = requestFraming(c);
  const mediaType = (c.req.header("Content-Type") ?? "").split(";")[0].trim().toLowerCase();
  if (framing.form === "sagemaker") return answerMessage(c, model, framing);
  // SageMaker would strip the plain header from the reply as well.
  if (mediaType === "application/json") return answerMessage(c, model, { ...framing, form: "sagemaker" });
  if (mediaType === BINARY_CONTENT_TYPE) {
    return framing.headerBytes === null ? failureResponse(LENGTH_MISSING) : answerMessage(c, model, framing);
  }
  if (IMAGE_TYPES.includes(mediaType)) return answerImage(c, model);
  return failureResponse(failure("unsupported-type", `expected one of ${ACCEPTED_TYPES.join(", ")}`));
}

/** A bare image is a request for its class alone. */
async function answerImage(c: Context, model: Model): Promise<Response> {
  const image = new Uint8Array(await c.req.arrayBuffer());
  const request = { inputs: [bytesTensorOf(model.signature.inputs[0].name, [image])] };
  return answerRequest(c, model, request, "sagemaker");
}
