// Before the Worker's tests: the model module that wrangler's build command would generate, the real
// backend, and the faulty cloud, each on a port of its own.
import { spawn } from "node:child_process";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { bundleModel } from "../../../edge-worker/scripts/bundle-model.ts";
import { freePorts, untilAnswered } from "../../e2e/stack.ts";
import { startFaultyCloud } from "./faulty-cloud.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");

export default async function setup(project: TestProject) {
  await bundleModel();
  const faulty = await startFaultyCloud();
  const [port, unusedPort] = await freePorts(2);
  const backend = spawn(process.execPath, ["cloud-backend/src/server.ts"], {
    cwd: ROOT,
    env: { ...process.env, PORT: String(port), HOST: "127.0.0.1" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = new Promise<never>((_, reject) => {
    backend.on("exit", (code) => reject(new Error(`the backend ended with code ${code}`)));
  });
  ended.catch(() => undefined);
  const cloudUrl = `http://127.0.0.1:${port}`;
  await Promise.race([untilAnswered(`${cloudUrl}/ping`, (response) => response.ok), ended]);
  project.provide("cloudUrl", cloudUrl);
  project.provide("faultyUrl", faulty.url);
  project.provide("refusingUrl", `http://127.0.0.1:${unusedPort}`);
  return async () => {
    backend.kill("SIGTERM");
    await ended.catch(() => undefined);
    await faulty.stop();
  };
}
