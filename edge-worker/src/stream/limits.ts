// Every limit of a stream, with its unit and reason. Limits of an image are the live configuration's.
import { MAX_IMAGE_BYTES } from "@spillway/shared/schema/config";

/** Frames of a stream without an answer, in work or waiting: what a client is told to keep to. */
export const WINDOW = 8;
/**
 * Of those, frames in work: one in the edge network, the others waiting for the gate or the cloud. The platform lets
 * six outgoing connections wait for their answer at a time, of which one is left for KV.
 */
export const MAX_IN_WORK = 6;
/**
 * Bytes of encoded images that all streams of a client hold: one of the largest, or hundreds as cameras send them.
 * Decoding the largest picture leaves no more of an isolate's 128 MB, see image/limits.ts; and clients may share one.
 */
export const MAX_HELD_BYTES = MAX_IMAGE_BYTES;
/** Bytes of one binary message; what is more is no image that any configuration allows. */
export const MAX_MESSAGE_BYTES = MAX_IMAGE_BYTES;
/** Characters of one text message: an id of 64, each perhaps six characters as JSON, and a few fields. */
export const MAX_TEXT_LENGTH = 1_024;
/** Messages a second, on average and at once. Ten cameras send fewer. */
export const MAX_MESSAGES_PER_SECOND = 1_000;
/** Bytes a second on average: 268 Mbit/s. */
export const MAX_BYTES_PER_SECOND = 2 * MAX_IMAGE_BYTES;
/** Bytes at once: a window of the largest images, which a client that comes back sends again. */
export const MAX_BYTES_AT_ONCE = WINDOW * MAX_IMAGE_BYTES;
/** Answers that the client has not said it read, those that wait for an earlier frame's included. */
export const MAX_UNREAD_ANSWERS = 1_024;
/** Their bytes. One row of storage takes 2 MB, and as JSON within JSON they grow. */
export const MAX_UNREAD_BYTES = 1_048_576;
/** Milliseconds for which an answer is kept for a client that comes back, and the stream with it. */
export const KEEP_ANSWERS_MS = 300_000;
/** Milliseconds without a message after which a client is taken to be gone: an open socket keeps the object billed. */
export const IDLE_MS = 60_000;
/** Streams that a client may have open; one that was left counts until its last frame is answered. */
export const MAX_OPEN_STREAMS = 8;
/** Streams of a client that wait to be resumed; the one that ends first is forgotten for another. */
export const MAX_KEPT_STREAMS = 16;
