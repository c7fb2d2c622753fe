// One inference over HTTP, from its headers to its answer, in the order in which it happens. Whether
// there is a place for it is asked before its body is read, when saying no costs next to nothing.
import {
  type ClassCounts,
  checkRanked,
  classifyOutputs,
  requestedClasses,
  withoutClassification,
} from "@spillway/shared/protocol/classification";
import {
  type EncodedMessage,
  encodeResponse,
  type InferenceRequest,
  wantsBinary,
} from "@spillway/shared/protocol/message";
import type { Context } from "hono";
import {
  type Failure,
  type FailureReason,
  failure,
  failureResponse,
  type Outcome,
  protocolOutcome,
  success,
} from "../errors.ts";
import type { Ticket } from "../inference/admission.ts";
import type { Model } from "../inference/model.ts";
import type { FailureKind } from "../telemetry/model-statistics.ts";
import { noteInference, noteModel } from "../telemetry/request-record.ts";
import { framedResponse, type Reading } from "./framing.ts";
import { type AnnouncedBody, announcedBody, readBody } from "./request-body.ts";
import { requestTimeoutMs } from "./request-timeout.ts";

/** A message, and of which outputs it wants classes in the place of values. */
interface Wish {
  message: InferenceRequest;
  classes: ClassCounts;
}

/** Triton's parameters of requests that depend on each other: answering one by itself would mislead. */
const SEQUENCE_PARAMETERS = ["sequence_id", "sequence_start", "sequence_end"];

export async function answerInference(c: Context, model: Model, reading: Reading): Promise<Response> {
  const arrivedMs = performance.now();
  noteModel(c, model);
  const timeoutMs = requestTimeoutMs((name) => c.req.header(name));
  if (!timeoutMs.ok) return failureResponse(timeoutMs);
  const announced = announcedBody(c, reading.maxBytes);
  if (announced instanceof Response) return announced;
  const entrance = model.admission.enter(announced.declaredBytes);
  if (!entrance.ok) return refused(model, entrance, arrivedMs);
  const ticket = entrance.value;
  try {
    const message = await readMessage(c, announced, ticket, reading);
    if (!message.ok) return refused(model, message, arrivedMs);
    const wish = wishOf(message.value, model);
    if (!wish.ok) return refused(model, wish, arrivedMs);
    const leftMs = timeLeftMs(timeoutMs.value, arrivedMs);
    if (!leftMs.ok) return refused(model, leftMs, arrivedMs);
    const answer = await infer(c, model, wish.value, leftMs.value);
    return answer.ok ? framedResponse(answer.value, reading.form) : failureResponse(answer);
  } finally {
    ticket.leave();
  }
}

async function readMessage(
  c: Context,
  announced: AnnouncedBody,
  ticket: Ticket,
  reading: Reading,
): Promise<Outcome<InferenceRequest>> {
  const body = await readBody(c, announced, ticket);
  if (!body.ok) return body;
  return ticket.takePlace() ?? reading.decode(body.value);
}

function wishOf(message: InferenceRequest, { signature }: Model): Outcome<Wish> {
  const sequence = SEQUENCE_PARAMETERS.find((name) => message.parameters?.[name] !== undefined);
  if (sequence !== undefined) return failure("bad-request", `parameters: "${sequence}": there are no sequences here`);
  return protocolOutcome(() => {
    const classes = requestedClasses(message.outputs);
    for (const output of signature.outputs) if (classes.has(output.name)) checkRanked(output);
    return { message, classes };
  });
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
  { message, classes }: Wish,
  timeoutMs: number | null,
): Promise<Outcome<EncodedMessage>> {
  const startMs = performance.now();
  const onAnswered = noteInference(c, message.id);
  const context = { client: c.req.raw.signal, timeoutMs, onAnswered };
  const response = await model.infer(withoutClassification(message), context);
  if (!response.ok) return response;
  const encoded = protocolOutcome(() => {
    const classified = classifyOutputs(response.value, classes, model.labels);
    return encodeResponse(classified, (output) => wantsBinary(message, output));
  });
  if (encoded.ok) return encoded;
  // A value that JSON cannot hold, or that no class can have, is the model's doing.
  model.statistics.requestFailed("BACKEND", performance.now() - startMs);
  return failure("inference-failed", encoded.message);
}

/** The model counts what becomes of requests that reach it; whoever is turned away before is counted here. */
function refused(model: Model, cause: Failure, arrivedMs: number): Response {
  model.statistics.requestFailed(refusalKind(cause.reason), performance.now() - arrivedMs);
  return failureResponse(cause);
}

function refusalKind(reason: FailureReason): FailureKind {
  if (reason === "overloaded" || reason === "timeout") return "REJECTED";
  return reason === "client-gone" ? "CANCELED" : "OTHER";
}
