// One inference over HTTP, from its headers to its answer, in the order in which it happens. Whether
// there is a place for it is asked before its body is read, when saying no costs next to nothing.
import { classifyOutputs, requestedClasses, withoutClassification } from "@spillway/shared/protocol/classification";
import {
  type EncodedMessage,
  encodeResponse,
  type InferenceRequest,
  wantsBinary,
} from "@spillway/shared/protocol/message";
import type { Context } from "hono";
import { type Failure, failure, failureResponse, type Outcome, protocolOutcome, success } from "../errors.ts";
import type { Ticket } from "../inference/admission.ts";
import type { Model } from "../inference/model.ts";
import { MAX_BODY_BYTES } from "../limits.ts";
import { noteInference, noteModel } from "../telemetry/request-record.ts";
import { framedResponse, type Reading } from "./framing.ts";
import { type AnnouncedBody, announcedBody, readBody } from "./request-body.ts";
import { requestTimeoutMs, TIMEOUT_FIELD } from "./request-timeout.ts";

export async function answerInference(c: Context, model: Model, reading: Reading): Promise<Response> {
  const arrivedMs = performance.now();
  noteModel(c, model);
  const timeoutMs = requestTimeoutMs(c.req.header(TIMEOUT_FIELD));
  if (!timeoutMs.ok) return failureResponse(timeoutMs);
  const announced = announcedBody(c, MAX_BODY_BYTES);
  if (announced instanceof Response) return announced;
  const entrance = model.admission.enter(announced.declaredBytes);
  if (!entrance.ok) return refused(model, entrance, arrivedMs);
  const ticket = entrance.value;
  try {
    const request = await readRequest(c, announced, ticket, reading);
    if (!request.ok) return refused(model, request, arrivedMs);
    const leftMs = timeLeftMs(timeoutMs.value, arrivedMs);
    if (!leftMs.ok) return refused(model, leftMs, arrivedMs);
    const answer = await infer(c, model, request.value, leftMs.value);
    return answer.ok ? framedResponse(answer.value, reading.form) : failureResponse(answer);
  } finally {
    ticket.leave();
  }
}

async function readRequest(
  c: Context,
  announced: AnnouncedBody,
  ticket: Ticket,
  reading: Reading,
): Promise<Outcome<InferenceRequest>> {
  const body = await readBody(c, announced, ticket);
  if (!body.ok) return body;
  return ticket.takePlace() ?? reading.decode(body.value);
}

/** What the header allows, less what reading the body took. */
function timeLeftMs(timeoutMs: number | null, arrivedMs: number): Outcome<number | null> {
  if (timeoutMs === null) return success(null);
  const leftMs = Math.ceil(timeoutMs - (performance.now() - arrivedMs));
  return leftMs > 0 ? success(leftMs) : failure("timeout", "the request's timeout ran out before all of it had come");
}

/** The model computes values; which of them are told as classes is settled around it. */
async function infer(
  c: Context,
  model: Model,
  request: InferenceRequest,
  timeoutMs: number | null,
): Promise<Outcome<EncodedMessage>> {
  const classes = protocolOutcome(() => requestedClasses(request.outputs));
  if (!classes.ok) return classes;
  const onAnswered = noteInference(c, request.id);
  const context = { client: c.req.raw.signal, timeoutMs, onAnswered };
  const response = await model.infer(withoutClassification(request), context);
  if (!response.ok) return response;
  // A value that JSON cannot hold, or that no class can have, is only found out here.
  return protocolOutcome(() => {
    const classified = classifyOutputs(response.value, classes.value, model.labels);
    return encodeResponse(classified, (output) => wantsBinary(request, output));
  });
}

/** The model counts what becomes of requests that reach it; whoever is turned away before is counted here. */
function refused(model: Model, cause: Failure, arrivedMs: number): Response {
  if (cause.reason === "overloaded" || cause.reason === "timeout") {
    model.statistics.requestFailed("REJECTED", performance.now() - arrivedMs);
  }
  return failureResponse(cause);
}
