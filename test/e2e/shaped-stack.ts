// The whole product with a narrow link between the Worker and the backend.
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { calibrationSchema } from "@spillway/shared/schema/calibration";
import { type Config, defaultConfig } from "@spillway/shared/schema/config";
import { bundleModel } from "../../edge-worker/scripts/bundle-model.ts";
import { openModelFolder } from "../../models/src/model-folder.ts";
import { type Service, stopServices } from "../../scripts/service.ts";
import { type ShapedLink, startShapedLink } from "./shaped-link.ts";
import { freePorts, ROOT, run, untilAnswered } from "./stack.ts";

const HOST = "127.0.0.1";

export interface ShapedStack {
  edgeUrl: string;
  /** From the Worker to the backend; without a limit at first. */
  link: ShapedLink;
  stop(): Promise<void>;
}

/** @param change made to the default configuration before the Worker starts */
export async function startShapedStack(oneWayMs: number, change: (config: Config) => void): Promise<ShapedStack> {
  const folder = await mkdtemp(path.join(tmpdir(), "spillway-shaped-"));
  const state = path.join(folder, "state");
  await publishConfig(folder, state, change);
  await bundleModel();
  const [edgePort, cloudPort] = await freePorts(2);
  const cloud = startQuietly("cloud", "node", ["cloud-backend/src/server.ts"], { PORT: String(cloudPort), HOST });
  const link = await startShapedLink(cloudPort, oneWayMs);
  const edge = startQuietly("edge", "wrangler", [
    "dev",
    ...["--ip", HOST, "--port", String(edgePort), "--var", `CLOUD_URL:http://${HOST}:${link.port}`],
    ...["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level=warn"],
    ...["--persist-to", state],
  ]);
  const edgeUrl = `http://${HOST}:${edgePort}`;
  async function stop(): Promise<void> {
    await stopServices([edge, cloud]);
    await link.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const ready = Promise.all([
    untilAnswered(`http://${HOST}:${cloudPort}/ping`, (response) => response.ok),
    untilAnswered(`${edgeUrl}/readyz`, (response) => response.ok),
  ]);
  const first = await Promise.race([ready, edge.ended, cloud.ended]);
  if (typeof first === "string") {
    await stop();
    throw new Error(first);
  }
  return { edgeUrl, link, stop };
}

/** As scripts/service.ts does, but without the lines of a request each. */
function startQuietly(name: string, program: string, args: string[], env: NodeJS.ProcessEnv = {}): Service {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, WRANGLER_HIDE_BANNER: "true", CLOUDFLARE_CF_FETCH_ENABLED: "false", ...env },
    stdio: ["ignore", "ignore", "inherit"],
    detached: true,
  });
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`${name} could not be started: ${error.message}`));
    child.on("exit", (code, signal) => resolve(`${name} ended (${signal ?? code})`));
  });
  return { name, child, ended };
}

/**
 * Every frame asks the gate, and tokens are no matter.
 *
 * @param threshold what an offload is to gain; at -1 only the link and the deadline keep a frame from the cloud
 */
export const askAlways =
  (threshold: number) =>
  (config: Config): void => {
    for (const exit of config.edge.exits) exit.threshold = 2;
    config.limits.requestsPerMinute = 1_000_000;
    config.offload.threshold = threshold;
    config.offload.bucket = { rate: 100_000, depth: 100_000 };
    config.offload.timeoutMs = 5_000;
  };

async function publishConfig(folder: string, state: string, change: (config: Config) => void): Promise<void> {
  const model = path.join(ROOT, "models/cifar100");
  const { manifest, hash } = await openModelFolder(model);
  const calibration = calibrationSchema.parse(JSON.parse(await readFile(path.join(model, "calibration.json"), "utf8")));
  const config = defaultConfig(manifest, hash, calibration);
  change(config);
  const file = path.join(folder, "config.json");
  await writeFile(file, JSON.stringify(config));
  const published = await run("spillway", ["publish", "--config", file, "--state", state]);
  if (published.code !== 0) throw new Error(published.stderr);
}
