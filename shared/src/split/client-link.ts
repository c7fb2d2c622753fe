// What a gate knows of one link of its client, and what it is asked about an image that would take it.
import type { SendOption } from "./controller.ts";
import { IDLE_LINK, type LinkState } from "./link.ts";

/** What is asked about an image that may be sent. */
export interface SendQuestion {
  /** Names the link. */
  link: string;
  /** Names the send, if there will be one; no other has it. */
  id: string;
  options: readonly SendOption[];
  /** Milliseconds from the asking in which an answer is wanted; null when any time will do. */
  deadlineLeftMs: number | null;
  /** Milliseconds for which an answer is waited for at most, from the first byte. */
  timeoutMs: number;
}

export interface ClientLink {
  key: string;
  link: LinkState;
  /** Of the sends under way: when they were asked for, and until when a report is waited for. */
  awaited: { id: string; askedMs: number; untilMs: number }[];
  /** Milliseconds from the asking to the first byte, of late; null before the first send. */
  startDelayMs: number | null;
  /** When it was last tried although it looked hopeless. */
  probedAtMs: number | null;
  lastImageAtMs: number | null;
  /** Milliseconds from image to image, of late; null where they are rare. */
  intervalMs: number | null;
  metrics: number[];
}

/** Taken for the way from the gate to the first byte until it is known. */
const UNKNOWN_START_DELAY_MS = 5;

export function unknownLink(key: string): ClientLink {
  const never = { startDelayMs: null, probedAtMs: null, lastImageAtMs: null, intervalMs: null };
  return { key, link: IDLE_LINK, awaited: [], ...never, metrics: [] };
}

/** Milliseconds from the asking to the first byte, as far as is known. */
export function startDelayOf({ startDelayMs }: Pick<ClientLink, "startDelayMs">): number {
  return startDelayMs ?? UNKNOWN_START_DELAY_MS;
}
