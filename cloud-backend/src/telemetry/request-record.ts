// What log, metrics and traces want to know of a request. It is opened when the request comes, and the
// routes add what only they find out: the model, the message's id, how long the inference took.
import { CUSTOM_ATTRIBUTES_FIELD, parseCustomAttributes } from "@spillway/shared/protocol/custom-attributes";
import {
  idOfBytes,
  parseTraceparent,
  TRACEPARENT_FIELD,
  type TraceContext,
} from "@spillway/shared/protocol/trace-context";
import type { Context } from "hono";
import type { Model, RequestContext } from "../inference/model.ts";
import type { RequestDurations } from "./model-statistics.ts";

export interface RequestRecord {
  /** The caller's trace, or a new one; what `X-Request-Id` says. */
  readonly traceId: string;
  /** Where the request comes from in that trace; null when it does not say. */
  readonly caller: TraceContext | null;
  /** When it came: on the monotonic clock, and in milliseconds since the epoch. */
  readonly startMs: number;
  readonly startedAt: number;
  model: { name: string; version: string } | null;
  /** The `id` of a v2 message. */
  messageId: string | null;
  inference: InferenceRecord | null;
}

export interface InferenceRecord extends RequestDurations {
  /** Rows of the batch it travelled in, its own among them. */
  batchRows: number;
  /** When it was done, on the clock of `startMs`. */
  endMs: number;
}

const KEY = "requestRecord";

export function openRecord(c: Context): RequestRecord {
  const caller = callerOf((name) => c.req.header(name));
  const record: RequestRecord = {
    traceId: caller?.traceId ?? idOfBytes(crypto.getRandomValues(new Uint8Array(16))),
    caller,
    startMs: performance.now(),
    startedAt: Date.now(),
    model: null,
    messageId: null,
    inference: null,
  };
  c.set(KEY, record);
  return record;
}

/** Notes which model a request asks. Like `noteInference`, it notes nothing where nobody watches. */
export function noteModel(c: Context, { name, version }: Pick<Model, "name" | "version">): void {
  const record: RequestRecord | undefined = c.get(KEY);
  if (record !== undefined) record.model = { name, version };
}

/**
 * Notes the `id` of the message that is about to be answered.
 *
 * @returns what the model is to call when it has answered
 */
export function noteInference(c: Context, messageId: string | undefined): NonNullable<RequestContext["onAnswered"]> {
  const record: RequestRecord | undefined = c.get(KEY);
  if (record === undefined) return () => undefined;
  record.messageId = messageId ?? null;
  return (durations) => {
    record.inference = { ...durations, endMs: performance.now() };
  };
}

/** Behind SageMaker, which strips the header, it travels in the custom attributes. */
function callerOf(header: (name: string) => string | undefined): TraceContext | null {
  return (
    parseTraceparent(header(TRACEPARENT_FIELD)) ??
    parseTraceparent(parseCustomAttributes(header(CUSTOM_ATTRIBUTES_FIELD)).get(TRACEPARENT_FIELD))
  );
}
