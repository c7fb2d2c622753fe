// `spillway policy dqn`: what is refused before the training, and, where PyTorch is there, the training itself.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { decide } from "@spillway/shared/policy/decide";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import { checkPolicyText } from "@spillway/shared/schema/policy";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/policy/dqn.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { expectServable } from "../../../models/src/policy/dqn-recipe.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";
import { captureOutput, ROOT } from "./command.ts";

/** Made by models/training/environment.mjs, on which no other test waits for a download. */
const isThere = existsSync(path.join(ROOT, "models/training/.venv/requirements.sha256"));
const why = isThere ? "" : " (skipped: models/training/.venv is missing; `npm run test:training` makes it)";

/** Where a process's children are looked up. */
const noProcesses = existsSync("/proc/self/task") ? "" : " (skipped: there is no /proc to find the trainer in)";

const output = captureOutput();
const { folder, write, writeArray } = temporaryFolder();
const numbers = Float64Array.from({ length: 50 }, (_, at) => at / 50);
const metrics = writeArray("metrics.npy", { shape: [50], data: numbers });
const rewards = writeArray("rewards.npy", { shape: [50], data: numbers });
const TINY = {
  history: 3,
  hiddenLayers: 1,
  hiddenWidth: 5,
  leak: 0.2,
  useIntervals: true,
  discount: 0.99,
  iterations: 2,
  batchesPerIteration: 1,
  batchSize: 32,
  sequences: 4,
  firstLearningRate: 0.001,
  secondLearningRate: 0.0001,
  switchShare: 0.5,
  checkpointInterval: 1,
  validationInterval: 1,
  validationSequences: 2,
  validationFrames: 20,
};
const recipeFile = (name: string, change: Partial<typeof TINY> = {}) =>
  write(name, JSON.stringify({ ...TINY, ...change }));
const recipe = recipeFile("tiny.json");
const inFolder = (name: string) => path.join(folder, name);

/** A sound command line, with some flags changed; undefined removes one. */
function flagsWith(change: Record<string, string | undefined> = {}): string[] {
  const flags: Record<string, string | undefined> = {
    metrics,
    rewards,
    rate: "0.5",
    depth: "2",
    recipe,
    runs: inFolder("runs"),
    "policy-file": inFolder("policy.json"),
    ...change,
  };
  return Object.entries(flags).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
}

describe("before the training", () => {
  it.each([
    ["metrics", undefined, "--metrics is needed; see spillway policy dqn --help"],
    ["rewards", undefined, "--rewards is needed; see spillway policy dqn --help"],
    ["rate", undefined, "--rate is needed; see spillway policy dqn --help"],
    ["depth", undefined, "--depth is needed; see spillway policy dqn --help"],
    ["policy-file", undefined, "--policy-file is needed; see spillway policy dqn --help"],
    ["rate", "fast", '--rate: expected a number from 0 to 1000000, got "fast"'],
    ["rate", "0", "--rate: expected above 0: without new tokens there is nothing to decide"],
    ["rate", "0.001", /^rate and depth: expected a pair that a grid can hold .*, got 0\.001 and 2$/],
    ["depth", "0.99", '--depth: expected a number from 1 to 1000000, got "0.99"'],
    ["unit-seconds", "0", /^--unit-seconds: expected a number from 0\.000001 to 86400, got "0"$/],
    ["seed", "1.5", '--seed: expected a whole number, got "1.5"'],
    ["seed", "-1", '--seed: expected a whole number, got "-1"'],
  ])("--%s %s is the caller's mistake", async (name, value, message) => {
    // With an equals sign, as one value begins with a dash.
    const flags = [...flagsWith({ [name]: undefined }), ...(value === undefined ? [] : [`--${name}=${value}`])];
    const error = await run(flags).catch((thrown: unknown) => thrown as Error);
    expect(error).toBeInstanceOf(UsageError);
    expect(error?.message).toMatch(message);
  });

  it.each([
    ["a history", { history: 257 }, "history: expected at most 256, got 257"],
    ["layers", { hiddenLayers: 16 }, "hiddenLayers: expected at most 15, got 16"],
    [
      "a size",
      { hiddenWidth: 1000, hiddenLayers: 2 },
      "expected a policy of at most 4194304 bytes, got a network of 1018010 numbers for 4 levels",
    ],
  ])("refuses a recipe of %s that no Worker takes", async (_, change, error) => {
    const file = recipeFile("large.json", change);
    expect(await lineOf(() => run(flagsWith({ recipe: file })))).toBe(`${file}: ${error}`);
  });

  it.each<[string, Partial<typeof TINY>, most: number]>([
    ["the longest history", { history: 256 }, 4],
    ["the most layers", { hiddenLayers: 15 }, 4],
    ["the published network, for the most levels", { history: 96, hiddenLayers: 5, hiddenWidth: 64 }, 5813],
  ])("takes %s that a Worker takes", async (_, change, m) => {
    await expectServable(recipeFile("largest.json", change), { q: 1, p: 1, m });
  });

  it("refuses the published network for one level more", async () => {
    const published = recipeFile("published.json", { history: 96, hiddenLayers: 5, hiddenWidth: 64 });
    expect(await lineOf(() => expectServable(published, { q: 1, p: 1, m: 5814 }))).toMatch(/ for 5814 levels$/);
  });

  it.each([
    [{ recipe: inFolder("none.json") }, "none.json: cannot be read (ENOENT)"],
    [{ "policy-file": inFolder("nowhere/p.json") }, "nowhere/p.json: cannot be written (ENOENT)"],
    [{ out: inFolder("nowhere/o.json") }, "nowhere/o.json: cannot be written (ENOENT)"],
    [{ model: inFolder("nowhere") }, /nowhere\/manifest\.json: cannot be read/],
  ])("refuses %o", async (change, error) => {
    expect(await lineOf(() => run(flagsWith(change)))).toMatch(error);
  });
});

describe.skipIf(!isThere)(`the training${why}`, () => {
  it("ends with a policy that the Worker takes, and is not done twice", async () => {
    const policyFile = inFolder("trained.json");
    const out = inFolder("out.json");
    const flags = flagsWith({
      "policy-file": policyFile,
      "unit-seconds": "0.25",
      model: path.join(ROOT, "models/cifar100"),
      arrival: "geometric:0.5",
      sequence: "location-reset:0.1,0.01",
      seed: "7",
      out,
    });
    await run([...flags, "--json"]);
    expect(JSON.parse(output.stdout)).toEqual({
      policyFile,
      kind: "q-network",
      grid: { q: 1, p: 2, m: 4 },
      iterations: 2,
      seconds: expect.any(Number),
    });
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(JSON.parse(output.stdout));
    expect(output.stderr).toMatch(/iteration 2: mean reward/);

    const checked = checkPolicyText(readFileSync(policyFile, "utf8"));
    if (!checked.ok) return expect.fail(checked.error);
    const { hash } = await openModelFolder(path.join(ROOT, "models/cifar100"));
    const cell = { rate: 0.5, depth: 2, arrival: "geometric:0.5", sequence: "location-reset:0.1,0.01", seed: 7 };
    expect(checked.file).toMatchObject({ model: hash, unitSeconds: 0.25, usesIntervals: true, trainedOn: cell });
    // Two tokens a second: half a token in a quarter of one.
    const fit = policyParameters(checked.file, { rate: 2, depth: 2 });
    if (!fit.ok) return expect.fail(fit.error);
    const { state } = decide({ metric: 0.5, tokens: 2, elapsedSeconds: null }, null, fit.parameters);
    expect(state).toMatchObject({ metrics: { length: 3 }, intervals: { length: 3 } });

    output.stderr = "";
    await run(flags);
    expect(output.stderr).toMatch(/continuing after iteration 2 of 2/);
    expect(output.stdout).toContain(`${policyFile}: a Q-network of 2 iterations`);
  });

  it.each([
    [{ arrival: "recorded" }, /^--arrival: expected periodic, .*, got 'recorded'$/],
    [{ sequence: "-1" }, /^--sequence: expected .*, got '-1'$/],
    [
      { rewards: writeArray("nan.npy", { shape: [2], data: Float64Array.of(0, Number.NaN) }) },
      /nan\.npy: row 1: expected a finite number, got nan$/,
    ],
    [{ recipe: recipeFile("bad.json", { leak: 2 }) }, /bad\.json: leak: /],
  ])("that fails for %o ends in the trainer's own line, and writes nothing", async (change, error) => {
    const flags = Object.entries({ ...change, "policy-file": inFolder("unwritten.json") });
    const args = [...flagsWith(), ...flags.map(([name, value]) => `--${name}=${value}`)];
    expect(await lineOf(() => run(args))).toMatch(error);
    expect(output).toEqual({ stdout: "", stderr: "" });
    expect(existsSync(inFolder("unwritten.json"))).toBe(false);
  });

  it.skipIf(noProcesses !== "")(`is ended by a signal, says how to go on, and goes on${noProcesses}`, async () => {
    const endless = recipeFile("endless.json", { iterations: 1_000_000 });
    const policyFile = inFolder("endless-policy.json");
    const args = flagsWith({ recipe: endless, "policy-file": policyFile });
    // npm hands a signal on that a terminal sends as well.
    const first = await interrupt(args, /iteration 3: mean reward/, ["SIGINT", "SIGINT"]);
    expect(first.code).toBe(130);
    expect(first.stdout).toBe("");
    const said = `interrupted; the same command continues from the last checkpoint in ${inFolder("runs")}\n`;
    expect(first.stderr.slice(-said.length)).toBe(said);
    expect(first.stderr).not.toMatch(/Traceback|KeyboardInterrupt/);
    expect(first.isTrainerRunning).toBe(false);

    const second = await interrupt(args, /iteration \d+: mean reward/, ["SIGTERM"]);
    expect(second.code).toBe(143);
    const [, done] = /continuing after iteration (\d+) of 1000000/.exec(second.stderr) ?? [];
    expect(Number(done)).toBeGreaterThanOrEqual(3);
    expect(existsSync(policyFile)).toBe(false);
  });
});

/** Runs the command, sends it the signals when it says what is waited for, and waits for its end. */
async function interrupt(args: string[], moment: RegExp, signals: NodeJS.Signals[]) {
  const command = ["models/src/cli.ts", "policy", "dqn", ...args];
  const child = spawn(process.execPath, command, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  let trainers: number[] = [];
  createInterface({ input: child.stderr }).on("line", (line) => {
    stderr += `${line}\n`;
    if (!moment.test(line) || trainers.length > 0) return;
    trainers = childrenOf(child.pid as number);
    for (const signal of signals) child.kill(signal);
  });
  const [code] = await once(child, "close");
  expect(trainers).toHaveLength(1);
  return { code, stdout, stderr, isTrainerRunning: trainers.some((pid) => existsSync(`/proc/${pid}`)) };
}

/** Processes that a process has started and that still run. */
function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").split(" "))
    .filter((child) => child.trim() !== "")
    .map(Number);
}
