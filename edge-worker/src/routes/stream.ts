// `GET /v1/stream`: a WebSocket on which a camera's frames come in and answers go out. What is said on it is described
// in shared/src/schema/stream.ts; the client's Durable Object holds it.
import { MAX_FRAME_ID_LENGTH } from "@spillway/shared/schema/stream";
import { Hono } from "hono";
import { z } from "zod";
import type { AppEnv } from "../app-env.ts";
import { problem } from "../errors.ts";
import { DEFAULT_TOP } from "../limits.ts";
import { STREAM_REQUEST_HEADER, type StreamRequest } from "../stream/client-streams.ts";
import { admit } from "./admit.ts";
import { classifyQuerySchema } from "./classify-query.ts";

const querySchema = classifyQuerySchema.extend({
  stream: z.uuid("expected the id of a stream").optional(),
  after: z.string().min(1).max(MAX_FRAME_ID_LENGTH).optional(),
});

export const streamRoute = new Hono<AppEnv>().get("/", async (context) => {
  const admitted = await admit(context, querySchema);
  if (admitted instanceof Response) return admitted;
  if (context.req.header("upgrade")?.toLowerCase() !== "websocket") {
    const detail = "expected a WebSocket: `Upgrade: websocket`";
    return problem(context, { reason: "upgrade-required", detail }, { upgrade: "websocket", connection: "upgrade" });
  }
  const { stream = null, after = null, top = DEFAULT_TOP, deadline_ms = null } = admitted.query;
  const { clientKey } = admitted;
  const asked: StreamRequest = { clientKey, stream, after, top, deadlineMs: deadline_ms };
  const { CLIENT_STREAMS } = context.env;
  const headers = { upgrade: "websocket", [STREAM_REQUEST_HEADER]: encodeURIComponent(JSON.stringify(asked)) };
  return CLIENT_STREAMS.get(CLIENT_STREAMS.idFromName(clientKey)).fetch("http://streams/", { headers });
});
