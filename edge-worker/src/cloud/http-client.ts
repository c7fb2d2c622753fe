// Adapter for any plain Open Inference Protocol v2 server.
import { BINARY_CONTENT_TYPE, HEADER_LENGTH_FIELD, plainHeaderBytes } from "@spillway/shared/protocol/content-type";
import { decodeResponse, type EncodedMessage } from "@spillway/shared/protocol/message";
import { readAtMost } from "../body.ts";
import { MAX_REPLY_BYTES } from "../limits.ts";
import { type CloudClient, type CloudReply, failureOfStatus } from "./cloud-client.ts";
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
    async infer(model, request, signal): Promise<CloudReply> {
      try {
        const response = await fetch(`${base}/v2/models/${encodeURIComponent(model)}/infer`, {
          method: "POST",
          headers: requestHeaders(request, token),
          body: request.body,
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

function requestHeaders(request: EncodedMessage, token: string | undefined): Headers {
  const headers = new Headers({ "content-type": BINARY_CONTENT_TYPE });
  if (request.headerBytes !== null) headers.set(HEADER_LENGTH_FIELD, String(request.headerBytes));
  if (token !== undefined) headers.set("authorization", `Bearer ${token}`);
  return headers;
}
