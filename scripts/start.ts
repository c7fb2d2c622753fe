// `npm start`: the backend and the Worker together, until Ctrl-C.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { parseArgs } from "node:util";
import { bundleModel } from "../edge-worker/scripts/bundle-model.ts";
import { startService, stopServices } from "./service.ts";

const ROOT = path.resolve(import.meta.dirname, "..");
const HOST = "127.0.0.1";
/** The first start compiles 14 MB of WebAssembly; a busy machine takes its time. */
const READY_TIMEOUT_MS = 120_000;
const POLL_MS = 250;
/** The backend's time to finish what it accepted, within what stopServices waits. */
const DRAIN_SECONDS = 5;

const HELP = `npm start -- [--edge-port 8787] [--cloud-port 8080] [--model FOLDER] [--state FOLDER]

Starts the GPU backend (on the CPU unless configured) and the Worker in workerd, and stops both on Ctrl-C.

  --model FOLDER  manifest.json, calibration.json and the graphs (default models/cifar100)
  --state FOLDER  where the local KV and Durable Objects live (default .wrangler/state)
  --cold          leave loading the edge network to the first request
  --inspector-port N  where DevTools can look into the Worker (default: nowhere)
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      "edge-port": { type: "string", default: "8787" },
      "cloud-port": { type: "string", default: "8080" },
      model: { type: "string" },
      state: { type: "string" },
      cold: { type: "boolean", default: false },
      "inspector-port": { type: "string", default: "0" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const edgePort = port(values["edge-port"], "--edge-port");
  const cloudPort = port(values["cloud-port"], "--cloud-port");
  if (edgePort === cloudPort) throw new Error(`--edge-port and --cloud-port are both ${edgePort}`);
  const modelEnv = values.model === undefined ? {} : { SPILLWAY_MODEL: path.resolve(values.model) };
  Object.assign(process.env, modelEnv);
  await bundleModel();
  await expectFree(cloudPort);
  await expectFree(edgePort);
  ensureAdminToken();
  const releaseState = holdState(path.resolve(values.state ?? path.join(ROOT, ".wrangler/state")));

  const edgeUrl = `http://${HOST}:${edgePort}`;
  const cloudUrl = `http://${HOST}:${cloudPort}`;
  const services = [
    startService("cloud", "node", ["cloud-backend/src/server.ts"], {
      PORT: String(cloudPort),
      HOST,
      SPILLWAY_DRAIN_SECONDS: String(DRAIN_SECONDS),
    }),
    startService("edge", "wrangler", [
      "dev",
      ...["--ip", HOST, "--port", String(edgePort), "--var", `CLOUD_URL:${cloudUrl}`],
      ...["--inspector-port", values["inspector-port"], "--show-interactive-dev-session=false", "--log-level=log"],
      ...(values.state === undefined ? [] : ["--persist-to", path.resolve(values.state)]),
    ]),
  ];
  const [cloud, edge] = services;
  const stopped = stopRequest();
  let isStopping = false;
  try {
    const ready = Promise.all([
      waitUntilReady(`${cloudUrl}/ping`),
      waitUntilReady(`${edgeUrl}/${values.cold ? "healthz" : "readyz"}`),
    ]);
    const first = await Promise.race([ready.then(() => "ready" as const), stopped, cloud.ended, edge.ended]);
    if (first === "ready") {
      await announce(edgeUrl, cloudUrl);
      const tellOfCloud = (end: string) => isStopping || process.stderr.write(`${end}; the edge answers alone\n`);
      void cloud.ended.then(tellOfCloud);
      const end = await Promise.race([stopped, edge.ended]);
      if (end !== "stop") throw new Error(end);
    } else if (first !== "stop") {
      throw new Error(first);
    }
    process.stderr.write("\nStopping ...\n");
    return 0;
  } finally {
    isStopping = true;
    await stopServices(services);
    releaseState();
  }
}

/**
 * Marks the folder of the local KV and Durable Objects as ours: two workerds would damage its databases.
 * @returns what takes the mark away
 * @throws Error when a running Spillway holds it
 */
function holdState(folder: string): () => void {
  const mark = path.join(folder, "spillway.pid");
  const holder = Number(existsSync(mark) ? readFileSync(mark, "utf8") : Number.NaN);
  if (isRunning(holder)) throw new Error(`${folder} is in use by process ${holder}; --state chooses another folder`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(mark, String(process.pid));
  return () => rmSync(mark, { force: true });
}

function isRunning(pid: number): boolean {
  try {
    return Number.isInteger(pid) && process.kill(pid, 0);
  } catch {
    return false;
  }
}

function port(text: string, flag: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw new Error(`${flag}: expected a port, got ${text}`);
  return value;
}

/** @throws Error when something listens there already */
function expectFree(portNumber: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          `port ${portNumber} on ${HOST} cannot be used (${error.code}); --edge-port and --cloud-port choose others`,
        ),
      );
    });
    probe.listen(portNumber, HOST, () => probe.close(() => resolve()));
  });
}

/** The local administrator's token, made once; wrangler gives .dev.vars to the Worker as secrets. */
function ensureAdminToken(): void {
  const file = path.join(ROOT, ".dev.vars");
  if (!existsSync(file)) writeFileSync(file, `ADMIN_TOKEN="${randomBytes(24).toString("hex")}"\n`, { mode: 0o600 });
}

async function waitUntilReady(url: string): Promise<void> {
  const startedMs = performance.now();
  for (;;) {
    const isReady = await fetch(url, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) }).then(
      (response) => response.ok,
      () => false,
    );
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    if (isReady) {
      process.stderr.write(`ready after ${seconds} s: ${url}\n`);
      return;
    }
    if (performance.now() - startedMs > READY_TIMEOUT_MS) throw new Error(`${url} is not ready after ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function announce(edgeUrl: string, cloudUrl: string): Promise<void> {
  const { version, source } = (await (await fetch(`${edgeUrl}/v1/config`)).json()) as Record<string, string>;
  process.stdout.write(`
Spillway is running.
  edge   ${edgeUrl}    (Worker in workerd; API in /openapi.json)
  cloud  ${cloudUrl}    (Open Inference Protocol v2)
  configuration ${version}, from ${source}

Try it:
  npm run classify -- --url ${edgeUrl} test/vectors/images/drawn/*.jpg
  curl -H 'content-type: image/jpeg' --data-binary @test/vectors/images/drawn/sunflower.jpg ${edgeUrl}/v1/classify

Ctrl-C stops both.
`);
}

/** Resolves on Ctrl-C, on `kill`, and when the process that started this one is gone. */
function stopRequest(): Promise<"stop"> {
  const parent = process.ppid;
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve("stop"));
    setInterval(() => process.ppid !== parent && resolve("stop"), 1000).unref();
  });
}

main().then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`spillway: ${error.message}\n`);
    process.exit(1);
  },
);
