// Every error the Worker can answer with, as RFC 9457 problem documents.
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

export type ErrorReason =
  | "bad-request"
  | "not-an-image"
  | "corrupt-image"
  | "unsupported-image"
  | "unsupported-media-type"
  | "too-many-bytes"
  | "too-many-pixels"
  | "request-timeout"
  | "unauthorized"
  | "invalid-config"
  | "precondition-required"
  | "precondition-failed"
  | "too-many-requests"
  | "not-found"
  | "method-not-allowed"
  | "upgrade-required"
  | "unavailable"
  | "internal";

export interface Failure {
  reason: ErrorReason;
  detail: string;
}

/** An answer of `application/problem+json`. */
export function problem(context: Context, failure: Failure, headers: Record<string, string> = {}): Response {
  const body = problemDocument(failure);
  return context.body(JSON.stringify(body), body.status, { "content-type": "application/problem+json", ...headers });
}

/** RFC 9457's object; `reason` is for programs, `detail` for people. */
export function problemDocument({ reason, detail }: Failure) {
  const { status, title } = describe(reason);
  return { type: "about:blank", title, status, detail, reason };
}

function describe(reason: ErrorReason): { status: ContentfulStatusCode; title: string } {
  switch (reason) {
    case "bad-request":
      return { status: 400, title: "Bad request" };
    case "not-an-image":
      return { status: 400, title: "Not an image" };
    case "corrupt-image":
      return { status: 400, title: "The image is damaged" };
    case "invalid-config":
      return { status: 400, title: "The configuration is refused" };
    case "unauthorized":
      return { status: 401, title: "An administrator's token is needed" };
    case "not-found":
      return { status: 404, title: "Not found" };
    case "method-not-allowed":
      return { status: 405, title: "Method not allowed" };
    case "request-timeout":
      return { status: 408, title: "The request took too long" };
    case "precondition-failed":
      return { status: 412, title: "The configuration has changed" };
    case "too-many-bytes":
      return { status: 413, title: "Too many bytes" };
    case "too-many-pixels":
      return { status: 413, title: "Too many pixels" };
    case "unsupported-image":
      return { status: 415, title: "This kind of image is not supported" };
    case "unsupported-media-type":
      return { status: 415, title: "This content type is not supported" };
    case "upgrade-required":
      return { status: 426, title: "A WebSocket is needed" };
    case "precondition-required":
      return { status: 428, title: "If-Match is needed" };
    case "too-many-requests":
      return { status: 429, title: "Too many requests" };
    case "unavailable":
      return { status: 503, title: "Not available" };
    case "internal":
      return { status: 500, title: "Internal error" };
  }
}
