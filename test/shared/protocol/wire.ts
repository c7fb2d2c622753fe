// Messages put together by hand, byte by byte, from the text of the protocol.
import { ProtocolError } from "@spillway/shared/protocol/tensor";
import { expect } from "vitest";

export const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

export interface Message {
  body: Uint8Array<ArrayBuffer>;
  headerBytes: number;
}

/** A JSON header and the bytes after it. */
export function messageOf(header: unknown, ...parts: readonly ArrayLike<number>[]): Message {
  const json = utf8(typeof header === "string" ? header : JSON.stringify(header));
  const body = Uint8Array.from([...json, ...parts.flatMap((part) => Array.from(part))]);
  return { body, headerBytes: json.byteLength };
}

/** The message of the ProtocolError that `run` must throw: no other error will do, nor none. */
export function protocolErrorOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
  return expect.fail("expected a ProtocolError, got none");
}
