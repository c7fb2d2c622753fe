// A cloud with every fault a cloud can have, on a real socket: the first part of the path names the
// fault, the rest is whatever the client asks for.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { SeenCall } from "./seen-call.ts";

type Fault = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

function answer(status: number, body: string | Uint8Array, headers: Record<string, string> = {}): Fault {
  return (_request, response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
}

function logits(shape: number[], data: unknown[], name = "logits"): string {
  return JSON.stringify({ model_name: "large", outputs: [{ name, datatype: "FP32", shape, data }] });
}

/** Calls by what they bring as `traceparent`, directly or in SageMaker's custom attributes. */
const seenCalls = new Map<string, SeenCall[]>();

/** Refuses so many calls of a trace, and answers the next with all of them so far as the message's id. */
function mirror(refusals: number, answerStatus = 200): Fault {
  return (request, response, body) => {
    const headers = request.headers as Record<string, string>;
    const trace = headers.traceparent ?? headers["x-amzn-sagemaker-custom-attributes"];
    const headerBytes =
      headers["inference-header-content-length"] ?? /json-header-size=(\d+)/.exec(headers["content-type"])?.[1];
    const message = body.subarray(0, Number(headerBytes)).toString("utf8");
    const { parameters } = message === "" ? { parameters: {} } : JSON.parse(message);
    const seen = [...(seenCalls.get(trace) ?? []), { headers, parameters, body: body.toString("base64") }];
    seenCalls.set(trace, seen);
    const status = seen.length > refusals ? answerStatus : 500;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ model_name: "large", id: JSON.stringify(seen), outputs: [] }));
  };
}

export const FAULTS: Record<string, Fault> = {
  hang: () => {},
  "hang-in-body": (_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"model_name":');
  },
  reset: (request) => request.socket.destroy(),
  "reset-in-body": (request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    response.write('{"model_name":', () => request.socket.destroy());
  },
  "status-400": answer(400, '{"error":"no"}'),
  "status-401": answer(401, '{"error":"who are you?"}'),
  /** As a server that is not ours: no raw bodies. */
  "refuses-raw": (request, response, body) => {
    const headers = request.headers as Record<string, string>;
    const isRaw = headers["inference-header-content-length"] === "0" || /size=0$/.test(headers["content-type"]);
    if (isRaw) answer(400, '{"error":"raw request must have one input"}')(request, response, body);
    else mirror(0)(request, response, body);
  },
  "status-404": answer(404, '{"error":"no such model"}'),
  "status-429": answer(429, '{"error":"slow down"}', { "retry-after": "1" }),
  "status-500": answer(500, '{"error":"broken"}'),
  "status-503": answer(503, '{"error":"overloaded"}', { "retry-after": "1" }),
  "status-521": answer(521, "error code: 521"),
  redirect: answer(302, "", { location: "/hang" }),
  "not-json": answer(200, "<html>It works!</html>", { "content-type": "text/html" }),
  empty: answer(200, ""),
  "bad-header-length": answer(200, '{"model_name":"large","outputs":[]}', {
    "inference-header-content-length": "9999",
    "content-type": "application/vnd.sagemaker-triton.binary+json;json-header-size=9999",
  }),
  "wrong-classes": answer(200, logits([1, 7], [1, 2, 3, 4, 5, 6, 7])),
  "wrong-output": answer(200, logits([1, 1], [1], "scores")),
  mirror: mirror(0),
  /** What it saw, by trace. */
  seen: (_request, response) => response.end(JSON.stringify(Object.fromEntries(seenCalls))),
  "mirror-after-500": mirror(1),
  "status-503-after-500": mirror(1, 503),
  huge: answer(200, new Uint8Array(5_000_000)),
};

/** Starts it on a free port of 127.0.0.1. */
export async function startFaultyCloud(): Promise<{ url: string; stop(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const fault = FAULTS[request.url?.split("/")[1] ?? ""];
      if (fault === undefined) response.writeHead(501).end();
      else fault(request, response, Buffer.concat(chunks));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("expected a TCP address");
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
