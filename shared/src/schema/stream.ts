// What goes over the WebSocket of `GET /v1/stream`: encoded images one way, answers the other.
//
//   client                                             server
//     |  GET /v1/stream?top=&deadline_ms=&stream=&after= |   Upgrade: websocket
//     | <------------------------------------- hello     |   once, first
//     |  {"frame": "a", "deadline_ms": 100, "read": "9"} |   optional text: names the next image, says what was read
//     |  <bytes of a JPEG, PNG or WebP>                  |   binary: one frame
//     | <----------- answer | dropped | problem          |   exactly one a frame, in the order of the frames
//
// A frame without a name is called by its ordinal number in the stream, from 1. No two frames may have one name while
// an answer to either is unread: whoever came back after it would lose what lies between. `read` is the last frame
// whose answer the client has: answers are kept for a client that comes back until it says so, or comes back with
// `after`.
import { z } from "zod";
import { resultSchema } from "./result.ts";

export const MAX_FRAME_ID_LENGTH = 64;
/** The longest deadline that a caller may ask for, of a request as of a frame, in milliseconds. */
export const MAX_DEADLINE_MS = 600_000;

export const frameIdSchema = z.string().min(1).max(MAX_FRAME_ID_LENGTH);

/** The client's text message. Of several before an image the last counts. */
export const frameHeaderSchema = z.strictObject({
  frame: frameIdSchema.optional(),
  deadline_ms: z.int().min(1).max(MAX_DEADLINE_MS).optional(),
  read: frameIdSchema.optional(),
});
export type FrameHeader = z.infer<typeof frameHeaderSchema>;

export const streamHelloSchema = z.strictObject({
  type: z.literal("hello"),
  /** Comes back to this stream with `?stream=<id>&after=<frame>`. */
  stream: z.string(),
  /** Whether this goes on with the stream that was asked for. If not, this is a new one: not all of that is known any more. */
  resumed: z.boolean(),
  /** Frames that have come so far; what the client sent after the last of them is lost and not answered. */
  frames: z.int().nonnegative(),
  lastFrame: frameIdSchema.nullable(),
  /** Frames that may be unanswered; beyond, the oldest that waits is dropped. */
  window: z.int().positive(),
  /** Answers that may be unread; beyond, the stream is closed. */
  maxUnread: z.int().positive(),
  /** Bytes of a frame. */
  maxBytes: z.int().positive(),
  model: z.string(),
  configVersion: z.string(),
});
export type StreamHello = z.infer<typeof streamHelloSchema>;

/** `overload`: newer frames came. `deadline`: it had passed, or was sure to, before the edge network would have been through with it. */
export const dropReasonSchema = z.enum(["overload", "deadline"]);
export type DropReason = z.infer<typeof dropReasonSchema>;

/** RFC 9457's object. */
export const problemSchema = z.looseObject({
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  reason: z.string(),
});
export type Problem = z.infer<typeof problemSchema>;

const frame = frameIdSchema;
export const frameAnswerSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("answer"), frame, result: resultSchema }),
  z.strictObject({ type: z.literal("dropped"), frame, reason: dropReasonSchema }),
  z.strictObject({ type: z.literal("problem"), frame, problem: problemSchema }),
]);
export type FrameAnswer = z.infer<typeof frameAnswerSchema>;

/** All that the server sends. */
export const streamMessageSchema = z.union([streamHelloSchema, frameAnswerSchema]);
