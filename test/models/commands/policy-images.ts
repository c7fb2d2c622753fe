// Images with metrics in files, for the policy commands: an image gains 1 with its metric as the probability.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { expect } from "vitest";
import { UsageError } from "../../../models/src/usage.ts";
import { temporaryFolder } from "../arrays/folder.ts";

export function imagesInFiles(images = 300) {
  const { folder, write, writeArray } = temporaryFolder();
  const random = mulberry32(121);
  const column = (name: string, data: Float64Array) => writeArray(name, { shape: [data.length], data });
  const metrics = Float64Array.from({ length: images }, () => random());
  const edgeLosses = metrics.map((metric) => (random() < metric ? 1 : 0));
  const files = {
    metrics: column("metrics.npy", metrics),
    rewards: column("rewards.npy", edgeLosses),
    edgeLoss: column("edge-loss.npy", edgeLosses),
  };
  const flags = ["--metrics", files.metrics, "--rewards", files.rewards];
  return { folder, write, column, files, flags, metrics, rewards: edgeLosses };
}

type Run = (args: string[]) => Promise<void>;

/** Ends in the caller's mistake (exit code 2), in one line. */
export async function expectUsage(run: Run, args: string[], line: string | RegExp): Promise<void> {
  const error: Error = await run(args).then(
    () => new Error("nothing was wrong"),
    (reason) => reason,
  );
  expect(error.message).toMatch(line);
  expect(error.message).not.toMatch(/[\r\n]/);
  expect(error).toBeInstanceOf(UsageError);
}

/** A command line with some flags changed; undefined removes one. */
export function flagsWith(flags: Record<string, string>, change: Record<string, string | undefined> = {}): string[] {
  // With an equals sign, as a value may begin with a dash.
  return Object.entries({ ...flags, ...change }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}=${value}`],
  );
}
