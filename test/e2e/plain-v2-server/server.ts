// A v2 server that is not ours, for tests: built from the text of the Open Inference Protocol and of its
// binary tensor extension, of which it does what the text demands and no more. It imports nothing from this
// repository, so that it cannot share a misunderstanding with it, and takes nothing but the inputs that a
// graph has: no frames, no images.
// https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { BadRequest, readRequest, writeResponse } from "./message.ts";
import { OnnxModel } from "./onnx-model.ts";

export interface PlainServerOptions {
  /** Paths of .onnx files by the names under which they are served. */
  models: Readonly<Record<string, string>>;
}

export interface PlainServer {
  url: string;
  /** What came to be inferred, the latest last. */
  requests: readonly PlainServerRequest[];
  close(): Promise<void>;
}

export interface PlainServerRequest {
  model: string;
  bytes: number;
  headers: IncomingMessage["headers"];
  status: number;
}

interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array | string;
}

const MAX_BODY_BYTES = 64 * 1024 * 1024;

export async function startPlainServer({ models: paths }: PlainServerOptions): Promise<PlainServer> {
  const models = new Map<string, OnnxModel>();
  for (const [name, path] of Object.entries(paths)) models.set(name, await OnnxModel.load(name, path));
  const requests: PlainServerRequest[] = [];
  const server = createServer(async (request, response) => {
    const { status, headers, body } = await answer(request, models, requests).catch((error: unknown) =>
      error instanceof BadRequest ? problem(error.status, error.message) : problem(500, String(error)),
    );
    response.writeHead(status, headers).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      const closed = once(server, "close");
      server.close().closeAllConnections();
      await closed;
      for (const model of models.values()) await model.release();
    },
  };
}

async function answer(
  request: IncomingMessage,
  models: ReadonlyMap<string, OnnxModel>,
  requests: PlainServerRequest[],
): Promise<Answer> {
  const { pathname } = new URL(request.url ?? "/", "http://localhost");
  const action = pathname.match(/^\/v2\/models\/([^/]+)(?:\/versions\/1)?(?:\/(ready|infer))?$/);
  const expectedMethod = action?.[2] === "infer" ? "POST" : "GET";
  if (request.method !== expectedMethod) return problem(405, `expected ${expectedMethod}`);
  if (action === null) return serverRoute(pathname);
  const model = models.get(decodeURIComponent(action[1]));
  if (model === undefined) return problem(404, `unknown model "${action[1]}"`);
  if (action[2] === undefined) return json(model.metadata());
  if (action[2] === "ready") return json({ name: model.name, ready: true });
  const body = await bodyOf(request);
  const seen = { model: model.name, bytes: body.byteLength, headers: request.headers, status: 400 };
  requests.push(seen);
  const inferred = await infer(model, body, request.headers["inference-header-content-length"]);
  seen.status = inferred.status;
  return inferred;
}

function serverRoute(pathname: string): Answer {
  if (pathname === "/v2") return json({ name: "plain", version: "1", extensions: ["binary_tensor_data"] });
  if (pathname === "/v2/health/live") return json({ live: true });
  if (pathname === "/v2/health/ready") return json({ ready: true });
  return problem(404, `nothing at ${pathname}`);
}

async function infer(model: OnnxModel, body: Buffer, headerLength: string | string[] | undefined): Promise<Answer> {
  const request = readRequest(body, headerLength, model.inputs);
  const names = request.outputs.length === 0 ? model.outputs.map(({ name }) => name) : request.outputs;
  const unknown = names.find((name) => !model.outputs.some((output) => output.name === name));
  if (unknown !== undefined) throw new BadRequest(`unknown output "${unknown}"`);
  const outputs = await model.run(request.inputs, names);
  const head = { model_name: model.name, model_version: "1", ...(request.id === undefined ? {} : { id: request.id }) };
  const written = writeResponse(head, outputs, request.isBinary);
  if (written.headerBytes === null) return json(written.body);
  return {
    status: 200,
    headers: {
      "Content-Type": "application/octet-stream",
      "Inference-Header-Content-Length": String(written.headerBytes),
    },
    body: written.body,
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) throw new BadRequest(`expected at most ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function json(value: unknown): Answer {
  const body = value instanceof Uint8Array ? value : JSON.stringify(value);
  return { status: 200, headers: { "Content-Type": "application/json" }, body };
}

function problem(status: number, error: string): Answer {
  return { ...json({ error }), status };
}
