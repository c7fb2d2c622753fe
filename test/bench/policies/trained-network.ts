// The DQN of a setting: read where it was trained before, else trained now, which takes minutes.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import type { QNetworkParameters } from "@spillway/shared/policy/q-network";
import { readPolicyFile } from "../../../models/src/simulation/chosen-policies.ts";
import { RUNS } from "./halves.ts";

export interface Setting extends BucketOptions {
  /** As the command line names them. */
  arrival: string;
  sequence: string;
}

/** `emsoft22` as published; the other for a quarter of the iterations. */
export type Recipe = "emsoft22" | "emsoft22-quarter";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const execute = promisify(execFile);

export async function trainedNetwork(
  setting: Setting,
  recipe: Recipe,
  files: { metrics: string; rewards: string },
): Promise<{ parameters: QNetworkParameters; seconds: number }> {
  const { rate, depth, arrival, sequence } = setting;
  const name = `rate-${rate}-depth-${depth}-${arrival}-${sequence}`.replace(/[^A-Za-z0-9.]+/g, "-");
  const folder = path.join(RUNS, recipe);
  const file = path.join(folder, `${name}.json`);
  if (!existsSync(file)) {
    process.stderr.write(`policies: training ${name} by ${recipe}\n`);
    await mkdir(folder, { recursive: true });
    const bucket = ["--rate", String(rate), "--depth", String(depth)];
    const traffic = ["--arrival", arrival, "--sequence", sequence];
    const images = ["--metrics", files.metrics, "--rewards", files.rewards];
    const training = ["--recipe", path.join(ROOT, `models/training/recipes/dqn/${recipe}.json`), "--runs", folder];
    const command = [path.join(ROOT, "models/src/cli.ts"), "policy", "dqn"];
    await execute(process.execPath, [...command, ...images, ...bucket, ...traffic, ...training, "--policy-file", file]);
  }
  const policy = (await readPolicyFile(file)).file;
  const checked = policyParameters(policy, setting);
  if (!checked.ok || checked.parameters.kind !== "q-network") throw new Error(`${file}: not the network of ${name}`);
  return { parameters: checked.parameters, seconds: Number(policy.trainedOn?.seconds) };
}
