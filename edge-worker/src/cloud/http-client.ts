// Adapter for any plain Open Inference Protocol v2 server.
import { BINARY_CONTENT_TYPE, HEADER_LENGTH_FIELD, plainHeaderBytes } from "@spillway/shared/protocol/content-type";
import { decodeResponse } from "@spillway/shared/protocol/message";
import { TIMEOUT_FIELD } from "@spillway/shared/protocol/request-timeout";
import { TRACEPARENT_FIELD } from "@spillway/shared/protocol/trace-context";
import { readAtMost } from "../body.ts";
import { MAX_REPLY_BYTES } from "../limits.ts";
import { type CloudCall, type CloudClient, type CloudReply, failureOfStatus } from "./cloud-client.ts";
import { failureOfError } from "./failure-of-error.ts";

export interface HttpClientOptions {
  /** Origin and path before `/v2`. */
  url: string;
  /** Sent as a bearer token when the server wants one. */
  token?: string | undefined;
}

export function createHttpClient({ url, token }: HttpClientOptions): CloudClient {
  const base = url.replace(/\/+$/, "");
  return {
    async infer(call, signal): Promise<CloudReply> {
      try {
        const response = await fetch(`${base}/v2/models/${encodeURIComponent(call.model)}/infer`, {
          method: "POST",
          headers: requestHeaders(call, token),
          body: call.message.body,
          redirect: "manual",
          signal,
        });
        if (!response.ok) {
          await response.body?.cancel();
          return failureOfStatus(response.status, `HTTP ${response.status}`);
        }
        const body = await readAtMost(response.body, MAX_REPLY_BYTES);
        if (body === null) throw new RangeError(`reply: expected at most ${MAX_REPLY_BYTES} bytes, got more`);
        const headerBytes = plainHeaderBytes(response.headers.get(HEADER_LENGTH_FIELD));
        return { ok: true, response: decodeResponse(body, headerBytes) };
      } catch (error) {
        return failureOfError(error, signal);
      }
    },
  };
}

function requestHeaders({ message, timeoutMs, traceparent }: CloudCall, token: string | undefined): Headers {
  const headers = new Headers({ "content-type": BINARY_CONTENT_TYPE, [TRACEPARENT_FIELD]: traceparent });
  if (message.headerBytes !== null) headers.set(HEADER_LENGTH_FIELD, String(message.headerBytes));
  if (timeoutMs !== null) headers.set(TIMEOUT_FIELD, String(timeoutMs));
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  return headers;
}
