// What SageMaker asks of a container: GET /ping and POST /invocations.
import { CUSTOM_ATTRIBUTES_FIELD, parseCustomAttributes } from "@spillway/shared/protocol/custom-attributes";
import { type Context, Hono } from "hono";
import { failureResponse } from "../errors.ts";
import type { Repository } from "../repository/repository.ts";
import { answerInvocation } from "./invocation.ts";

/** SageMaker's address of a container has no place for a model's name. */
const DEFAULT_MODEL = "large";
const TARGET_MODEL_FIELD = "X-Amzn-SageMaker-Target-Model";

/** @param isStopping whether the process is about to end: it still answers, but nobody should come any more */
export function sagemakerRoutes(repository: Repository, isStopping: () => boolean): Hono {
  const routes = new Hono();
  const invoke = (c: Context) => {
    const model = repository.find(targetModel(c));
    return model.ok ? answerInvocation(c, model.value) : failureResponse(model);
  };
  routes.get("/ping", () => new Response(null, { status: repository.isReady() && !isStopping() ? 200 : 503 }));
  routes.post("/invocations", invoke);
  // Where a client finds an endpoint at SageMaker itself: with this address in its place, the AWS SDK
  // speaks to the container directly, and the Worker's `sagemaker` client can be tried without AWS.
  routes.post("/endpoints/:endpoint/invocations", invoke);
  return routes;
}

/**
 * Which of the container's models is meant. SageMaker refuses `TargetModel` where the endpoint is not a
 * multi-model one, and passes custom attributes on wherever it is: `model=tail` reaches the tail through
 * the same endpoint as the large model.
 */
function targetModel(c: Context): string {
  const attributes = parseCustomAttributes(c.req.header(CUSTOM_ATTRIBUTES_FIELD));
  return c.req.header(TARGET_MODEL_FIELD) ?? attributes.get("model") ?? DEFAULT_MODEL;
}
