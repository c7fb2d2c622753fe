// Reading a request's body: bounded by what it declares before any of it is read, counted while it
// arrives, unpacked where it is compressed. Whoever gave the request a ticket is told what it holds, and
// may take it back as long as the body is still to come.
//
// There is no bound on how often a byte may be unpacked: a black image or a tensor of zeros is packed a
// thousandfold by gzip and thirty thousandfold by zstd, and is as good as any other. What counts is what
// the unpacked bytes take, and they are counted.
import { Readable } from "node:stream";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";
import { type Failure, failure, failureResponse, type Outcome, success } from "../errors.ts";
import type { Ticket } from "../inference/admission.ts";
import { ACCEPTED_CODINGS, type ContentCoding, contentCoding, DamagedCoding, unpacked } from "./content-coding.ts";
import { GrowingBuffer } from "./growing-buffer.ts";
import { untilAborted } from "./until-aborted.ts";

/** What a request says of its body. */
export interface AnnouncedBody {
  /** 0 when it does not say. */
  declaredBytes: number;
  coding: ContentCoding | null;
  /** Of the body as it travels, and of what is unpacked from it. */
  maxBytes: number;
}

/** @returns what is to be expected, or the refusal of a body that need not be read */
export function announcedBody(c: Context, maxBytes: number): AnnouncedBody | Response {
  const coding = contentCoding(c.req.header("Content-Encoding"));
  if (!coding.ok) return failureResponse(coding, { "Accept-Encoding": ACCEPTED_CODINGS });
  const declaredBytes = Number(c.req.header("Content-Length") ?? 0);
  if (declaredBytes > maxBytes) return failureResponse(tooLarge(maxBytes));
  return { declaredBytes, coding: coding.value, maxBytes };
}

/**
 * The whole body, unpacked. Of what a client sends beyond the limit, no more than a chunk is ever unpacked.
 *
 * @param ticket what the request came in with; null where nobody counts
 */
export async function readBody(
  c: Context,
  { coding, maxBytes }: AnnouncedBody,
  ticket: Ticket | null,
): Promise<Outcome<Uint8Array<ArrayBuffer>>> {
  const stream = bodyStream(c);
  const received = arriving(stream, maxBytes, ticket?.signal ?? NEVER);
  const body = new GrowingBuffer();
  try {
    for await (const chunk of coding === null ? received : unpacked(received, coding)) {
      const bytes = body.length + chunk.byteLength;
      const refusal = bytes > maxBytes ? tooLarge(maxBytes) : ticket?.holds(bytes);
      if (refusal) return refusal;
      body.append(chunk);
    }
    return success(body.take());
  } catch (error) {
    if (error instanceof Refusal) return error.failure;
    if (error instanceof DamagedCoding) return failure("bad-request", error.message);
    throw error;
  } finally {
    discardRest(stream);
    body.free();
  }
}

/** Carries a failure through the streams that lie between where it is found and where it is returned. */
class Refusal extends Error {
  readonly failure: Failure;

  constructor(cause: Failure) {
    super(cause.message);
    this.failure = cause;
  }
}

/** The body as it travels. @throws Refusal when it is too long, has to give way, or ends because the client has gone */
async function* arriving(stream: Readable, maxBytes: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    // Destroying the stream would destroy the connection, over which the answer is still to go.
    for await (const chunk of untilAborted<Uint8Array>(stream.iterator({ destroyOnReturn: false }), signal)) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw new Refusal(tooLarge(maxBytes));
      yield chunk;
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (signal.aborted) throw new Refusal(signal.reason);
    throw new Refusal(failure("client-gone", "the client closed the connection"));
  }
}

/** Of those whom nobody counts. */
const NEVER = new AbortController().signal;

/** Node's own stream of the body, without the detour over a web stream; a request without a socket has only that. */
function bodyStream(c: Context): Readable {
  const { incoming } = (c.env ?? {}) as Partial<HttpBindings>;
  if (incoming !== undefined) return incoming;
  const { body } = c.req.raw;
  return body === null ? Readable.from([]) : Readable.fromWeb(body as ReadableStream<Uint8Array>);
}

/** What is not wanted any more has to pass all the same: after it comes the connection's next request. */
function discardRest(stream: Readable): void {
  if (stream.readableEnded) return;
  // A listener, and not `resume` alone, as an iterator that is still waiting would take the flow back.
  stream.on("data", () => undefined);
}

function tooLarge(maxBytes: number): Failure {
  return failure("body-too-large", `expected a body of at most ${maxBytes} bytes`);
}
