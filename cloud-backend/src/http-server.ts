// The HTTP server in front of the app: what a connection may cost, and how a request that never became
// one is told off, in the protocol's form. Node reads such requests no further than their fault.
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { failure, failureResponse } from "./errors.ts";
import {
  CONNECTION_CHECK_MS,
  HEADERS_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_CONNECTIONS,
  MAX_HEADER_BYTES,
  REQUEST_TIMEOUT_MS,
} from "./limits.ts";

type Fetch = Parameters<typeof getRequestListener>[0];

export function createHttpServer(fetch: Fetch): Server {
  // Node lets the rest of a body pass that nobody reads, for as long as a request may take. The listener
  // would end the connection after half a second, and whoever was still sending might never see the answer.
  const listener = getRequestListener(fetch, {
    hostname: "localhost",
    errorHandler: refuseRequest,
    autoCleanupIncoming: false,
  });
  const options = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: CONNECTION_CHECK_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // Node would answer for itself, without a body; the listener takes the name above instead.
    requireHostHeader: false,
  };
  const server = createServer(options, (request, response) => void listener(request, response));
  server.maxConnections = MAX_CONNECTIONS;
  server.timeout = IDLE_TIMEOUT_MS;
  server.on("checkExpectation", refuseExpectation);
  server.on("clientError", answerClientErrors(server));
  return server;
}

/** A target or a host that makes no URL; for all that reaches the app, the app answers itself. */
function refuseRequest(error: unknown): Response {
  if (error instanceof RequestError) return failureResponse(failure("bad-request", error.message));
  return failureResponse(failure("internal", "internal error"));
}

function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const body = JSON.stringify({ error: "expected no Expect but 100-continue" });
  response.writeHead(417, { "Content-Type": "application/json", "Content-Length": body.length, Connection: "close" });
  response.end(body);
}

/** There is no response object for these; the words go straight to the socket, unless an answer is on it. */
function answerClientErrors(server: Server) {
  const lastAnswers = new WeakMap<Socket, ServerResponse<IncomingMessage>>();
  server.on("request", (request, response) => lastAnswers.set(request.socket, response));
  return (error: NodeJS.ErrnoException, stream: unknown) => {
    const socket = stream as Socket;
    const { status, message } = clientFault(error);
    if (!socket.writable || error.code === "ECONNRESET" || !isFree(lastAnswers.get(socket))) return socket.destroy();
    const body = JSON.stringify({ error: message });
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      "Content-Type: application/json",
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Connection: close",
    ];
    return socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
  };
}

/** Whether nothing was said to the request at fault: its answer has not begun, or belongs to the one before. */
function isFree(answer: ServerResponse<IncomingMessage> | undefined): boolean {
  if (answer === undefined || !answer.headersSent) return true;
  return answer.writableFinished && answer.req.complete;
}

function clientFault({ code }: NodeJS.ErrnoException): { status: number; message: string } {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return { status: 431, message: `expected fewer than ${MAX_HEADER_BYTES} bytes of target and headers` };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { status: 413, message: "expected chunks without long extensions" };
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return { status: 408, message: "the request did not arrive in time" };
    default:
      return { status: 400, message: "expected an HTTP/1.1 request" };
  }
}
