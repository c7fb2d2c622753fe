// `spillway publish` with the real wrangler, and the stack that starts on what it has written.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Calibration, calibrationSchema } from "@spillway/shared/schema/calibration";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT, run, startStack } from "./stack.ts";

let folder: string;
let state: string;
let calibration: Calibration;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "spillway-publish-e2e-"));
  state = path.join(folder, "state");
  const shipped = await readFile(path.join(ROOT, "models/cifar100/calibration.json"), "utf8");
  calibration = calibrationSchema.parse(JSON.parse(shipped));
});

afterAll(() => rm(folder, { recursive: true }));

test("a published calibration and configuration are in force in a stack that starts on them", async () => {
  const exit = { temperature: 2, probability: [0, 1], frequency: [0.25, 0.75] };
  const text = JSON.stringify({ ...calibration, exits: [exit, ...calibration.exits.slice(1)] });
  const file = path.join(folder, "calibration.json");
  await writeFile(file, text);
  const published = await run("spillway", ["publish", "--calibration", file, "--state", state, "--json"]);
  expect(published).toMatchObject({ code: 0 });
  const report = JSON.parse(published.stdout);
  const sha256 = createHash("sha256").update(text).digest("hex");
  expect(report).toMatchObject({ calibration: sha256, target: "local" });
  expect(published.stderr).toBe(
    `version: "default" -> "${report.version}"\ncalibration: null -> "${sha256}"\n` +
      `version ${report.version} with calibration ${sha256} is in force in the local KV\n`,
  );

  const stack = await startStack("--state", state);
  try {
    const effective = await (await fetch(`${stack.edgeUrl}/v1/config`)).json();
    const inForce = { source: "kv", error: null, version: report.version, config: { calibration: sha256 } };
    expect(effective).toMatchObject(inForce);
    const { models } = (await (await fetch(`${stack.edgeUrl}/v1/models`)).json()) as { models: { exits: unknown[] }[] };
    expect(models[0].exits[0]).toMatchObject({ calibrator: exit });
    const classified = await stack.spillway("classify", "test/vectors/images/drawn/orange.jpg", "--json");
    expect(JSON.parse(classified.stdout).result).toMatchObject({ configVersion: report.version });

    const refused = await run("spillway", ["publish", "--state", state]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^spillway: .* is in use by process \d+; stop it first.*\n$/);
  } finally {
    expect(await stack.stop()).toBe(0);
  }
});

test("another model's calibration is one clear line that names both", async () => {
  const file = path.join(folder, "other.json");
  const other = "0".repeat(64);
  await writeFile(file, JSON.stringify({ ...calibration, model: other }));
  const { code, stdout, stderr } = await run("spillway", ["publish", "--calibration", file, "--state", state]);
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toBe(`spillway: ${file}: model: fitted for ${other}, but this model is ${calibration.model}\n`);
});

test("--dry-run shows the changes and writes nothing", async () => {
  const empty = path.join(folder, "empty");
  const config = path.join(folder, "config.json");
  const { stdout } = await run("spillway", ["publish", "--dry-run", "--state", empty, "--json", "--out", config]);
  expect(JSON.parse(await readFile(config, "utf8"))).toEqual(JSON.parse(stdout));
  const again = await run("spillway", ["publish", "--dry-run", "--state", empty]);
  expect(again.stderr).toMatch(/^version: "default" -> .*\nversion .* would be published .*; nothing was written\n$/);
});
