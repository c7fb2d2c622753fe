// Before the Worker's tests: the model module that wrangler's build command would generate, the real
// backend, and the faulty cloud, each on a port of its own. For a small model with a tail: a backend too, and
// servers that are not ours, of which one has the tail and the other has not.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { bundleModel } from "../../../edge-worker/scripts/bundle-model.ts";
import { startPlainServer } from "../../e2e/plain-v2-server/server.ts";
import { freePorts, untilAnswered } from "../../e2e/stack.ts";
import { tinyFamily } from "../../models/evaluation/tiny-family.ts";
import { startFaultyCloud } from "./faulty-cloud.ts";
import { offlineTail } from "./offline-tail-cloud.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

const GRAPHS = path.join(ROOT, "test/vectors/graphs");

export default async function setup(project: TestProject) {
  await bundleModel();
  const folder = await mkdtemp(path.join(tmpdir(), "spillway-small-model-"));
  const small = await tinyFamily(folder);
  const faulty = await startFaultyCloud();
  const [port, smallPort, unusedPort] = await freePorts(3);
  const backends = [startBackend(port), startBackend(smallPort, { SPILLWAY_MODEL: small.path })];
  const graphs = { large: path.join(GRAPHS, "mean-colour.onnx"), tail: path.join(GRAPHS, "tail.onnx") };
  const shipped = await offlineTail();
  const strangers = [
    await startPlainServer({ models: graphs }),
    await startPlainServer({ models: { large: graphs.large } }),
    await startPlainServer({ models: shipped === null ? {} : { tail: shipped.file } }),
  ];
  await Promise.all(backends.map(({ ready }) => ready));
  project.provide("cloudUrl", backends[0].url);
  project.provide("smallCloudUrl", backends[1].url);
  project.provide("plainUrl", strangers[0].url);
  project.provide("taillessUrl", strangers[1].url);
  project.provide("plainShippedUrl", strangers[2].url);
  project.provide("offlineTail", shipped?.answers ?? []);
  project.provide("smallManifest", await readFile(path.join(small.path, "manifest.json"), "utf8"));
  project.provide("faultyUrl", faulty.url);
  project.provide("refusingUrl", `http://127.0.0.1:${unusedPort}`);
  return async () => {
    await Promise.all(backends.map(({ stop }) => stop()));
    for (const server of strangers) await server.close();
    await faulty.stop();
    await rm(folder, { recursive: true });
  };
}

/** The real backend in a process of its own. */
function startBackend(port: number, variables: Record<string, string> = {}) {
  const backend = spawn(process.execPath, ["cloud-backend/src/server.ts"], {
    cwd: ROOT,
    env: { ...process.env, ...variables, PORT: String(port), HOST: "127.0.0.1" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<never>((_, reject) => {
    backend.on("exit", (code) => reject(new Error(`the backend ended with code ${code}`)));
  });
  ended.catch(() => undefined);
  const url = `http://127.0.0.1:${port}`;
  const ready = Promise.race([untilAnswered(`${url}/ping`, (response) => response.ok), ended]);
  async function stop() {
    backend.kill("SIGTERM");
    await ended.catch(() => undefined);
  }
  return { url, ready, stop };
}
