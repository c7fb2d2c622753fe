// `spillway policy belief`: what is learnt, and that the file decides as what was learnt did.
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { beliefParameters } from "@spillway/shared/policy/belief";
import { decide, type PolicyState } from "@spillway/shared/policy/decide";
import { fitTrafficModel } from "@spillway/shared/policy/fit-traffic-model";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { checkPolicyText, type PolicyFile } from "@spillway/shared/schema/policy";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/policy/belief.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import { lineOf } from "../arrays/folder.ts";
import { captureOutput, ROOT, spillway } from "./command.ts";
import { expectUsage, flagsWith, imagesInFiles } from "./policy-images.ts";

const output = captureOutput();
const { folder, column, files, metrics, rewards } = imagesInFiles();
const inFolder = (name: string) => path.join(folder, name);
const FRAMES = 4000;

/** Traffic in which easy and difficult images last, and come in a second or in three. */
function recordedTraffic() {
  const random = mulberry32(131);
  let [isHard, isSlow] = [false, false];
  const images = Array.from({ length: FRAMES }, () => {
    if (random() < 0.03) isHard = !isHard;
    if (random() < 0.02) isSlow = !isSlow;
    return { metric: (isHard ? 0.4 : 0) + 0.6 * random(), seconds: isSlow ? 3 : 1 };
  });
  return {
    metrics: Float64Array.from(images, ({ metric }) => metric),
    seconds: Float64Array.from(images, ({ seconds }) => seconds),
  };
}

const traffic = recordedTraffic();
const RECORDING = {
  recording: column("recording.npy", traffic.metrics),
  arrival: `intervals:${column("seconds.npy", traffic.seconds)}`,
};
const RIGHT = { metrics: files.metrics, rewards: files.rewards, "policy-file": inFolder("belief.json"), ...RECORDING };

function policyIn(file: string): PolicyFile {
  const checked = checkPolicyText(readFileSync(file, "utf8"));
  if (!checked.ok) return expect.fail(checked.error);
  return checked.file;
}

describe("spillway policy belief", () => {
  it("says what it learnt, in JSON, in a file and in a line", async () => {
    const out = inFolder("out.json");
    await run([...flagsWith(RIGHT, { out }), "--json"]);
    const result = JSON.parse(output.stdout);
    const learnt = { difficultyStates: expect.any(Number), paceStates: 2, bands: 50, images: 300 };
    expect(result).toEqual({ ...learnt, seconds: expect.any(Number) });
    expect(result.difficultyStates).toBeGreaterThan(1);
    expect(result.seconds).toBeLessThan(60);
    expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(result);
    const { recording, arrival } = RECORDING;
    const trainedOn = { images: 300, frames: FRAMES, arrival, recording, seed: 1 };
    expect(policyIn(RIGHT["policy-file"])).toMatchObject({ kind: "belief", model: null, trainedOn });
  });

  it.each([
    ["seconds", 1],
    ["quarters of a second", 0.25],
  ])("writes a policy that decides as what was learnt, in %s", async (_, unit) => {
    const file = inFolder("units.json");
    await run(flagsWith(RIGHT, { "policy-file": file, "unit-seconds": `${unit}` }));
    const learnt = fitTrafficModel(traffic, sortImages(metrics, rewards));
    const inMemory = beliefParameters(learnt, { rate: 0.25, depth: 4 });
    const written = policyParameters(policyIn(file), { rate: 0.25 / unit, depth: 4 });
    if (!written.ok) return expect.fail(written.error);
    const random = mulberry32(132);
    let states: [PolicyState, PolicyState] = [null, null];
    for (let image = 0; image < 1500; image++) {
      const observation = {
        metric: traffic.metrics[image],
        tokens: 4 * random(),
        elapsedSeconds: null as null | number,
      };
      if (image > 0) observation.elapsedSeconds = traffic.seconds[image - 1];
      const inReal = {
        ...observation,
        elapsedSeconds: observation.elapsedSeconds && observation.elapsedSeconds * unit,
      };
      const [a, b] = [decide(observation, states[0], inMemory), decide(inReal, states[1], written.parameters)];
      expect(b.offload).toBe(a.offload);
      expect(Math.abs((a.threshold as number) - (b.threshold as number))).toBeLessThan(1e-9);
      states = [a.state, b.state];
    }
  });

  it("learns from drawn traffic where none was recorded", async () => {
    const file = inFolder("drawn.json");
    const drawn = { ...RIGHT, "policy-file": file, recording: undefined, arrival: "modulated:1,3,0.05,0.05" };
    const model = path.join(ROOT, "models/cifar100");
    const flags = flagsWith(RIGHT, { ...drawn, sequence: "location-reset:1,1", seed: "4", model });
    await run(flags);
    expect(output.stdout).toMatch(/^states of difficulty \d+, over 50 bands of the metric; /);
    expect(policyIn(file)).toMatchObject({
      model: (await openModelFolder(model)).hash,
      trainedOn: { frames: 40_000, sequence: "location-reset:1,1", arrival: "modulated:1,3,0.05,0.05", seed: 4 },
    });
  });

  it("learns from the images themselves where they are in the order of their arrival", async () => {
    const file = inFolder("in-order.json");
    await run(
      flagsWith(RIGHT, { "policy-file": file, recording: undefined, arrival: "periodic", sequence: "recorded" }),
    );
    expect(policyIn(file)).toMatchObject({ trainedOn: { frames: 300, sequence: "recorded", arrival: "periodic" } });
    expect(output.stdout).toMatch(/^states of difficulty 1, over 15 bands of the metric; /);
  });
});

describe("what is wrong", () => {
  it.each<[string, string | undefined, string | RegExp]>([
    ["metrics", undefined, "--metrics is needed; see spillway policy belief --help"],
    ["rewards", undefined, "--rewards is needed; see spillway policy belief --help"],
    ["policy-file", undefined, "--policy-file is needed; see spillway policy belief --help"],
    ["seed", "-1", '--seed: expected a number from 0 to 4294967295, got "-1"'],
    ["seed", "1.5", '--seed: expected a whole number, got "1.5"'],
    ["unit-seconds", "no", /^--unit-seconds: expected a number from 0\.000001 to 86400, got "no"$/],
    ["arrival", "weekly", /^--arrival: expected periodic, .*; got "weekly"$/],
    ["sequence", "iid", "--recording has an order of its own: leave --sequence out"],
    ["rate", "1", "Unknown option '--rate'; see --help"],
  ])("--%s %s is the caller's mistake", async (name, value, line) => {
    const flags = flagsWith(RIGHT, { "policy-file": inFolder("unwritten.json"), [name]: value });
    await expectUsage(run, flags, line);
    expect(existsSync(inFolder("unwritten.json"))).toBe(false);
  });

  const spoilt = (name: string, values: Iterable<number>) => column(name, Float64Array.from(values));
  it("is a sequence that is none", async () => {
    const flags = flagsWith(RIGHT, { recording: undefined, arrival: "periodic", sequence: "sorted" });
    await expectUsage(run, flags, /^--sequence: expected iid, .*; got "sorted"$/);
  });

  it("is a recording too short to learn from", async () => {
    const flags = flagsWith(RIGHT, { recording: spoilt("short.npy", new Float64Array(99)), arrival: "periodic" });
    const line = /^belief: expected at least 100 recorded images to learn from, got 99$/;
    expect(await lineOf(() => run(flags))).toMatch(line);
  });

  it.each([
    ["recording", spoilt("above.npy", [0, 2]), /above\.npy: row 1: expected a metric from -1 to 1, got 2$/],
    ["recording", spoilt("nan.npy", [Number.NaN]), /nan\.npy: row 0: expected a finite number, got NaN$/],
    [
      "recording",
      spoilt("short.npy", new Float64Array(99)),
      /^--arrival: expected 98 intervals, one from each of 99 recorded images to the next, got 4000$/,
    ],
    [
      "arrival",
      `intervals:${spoilt("back.npy", [1, -1])}`,
      /back\.npy: row 1: expected seconds from 0 to 1000000, got -1$/,
    ],
    ["policy-file", inFolder("nowhere/p.json"), /nowhere\/p\.json: cannot be written \(ENOENT\)$/],
    ["out", inFolder("nowhere/o.json"), /nowhere\/o\.json: cannot be written \(ENOENT\)$/],
    [
      "rewards",
      spoilt("large.npy", new Float64Array(300).fill(7)),
      /large\.npy: row 0: expected a reward from -1 to 1, got 7$/,
    ],
  ])("in --%s is named, case %#", async (name, value, line) => {
    const flags = flagsWith(RIGHT, { "policy-file": inFolder("unwritten.json"), [name]: value });
    expect(await lineOf(() => run(flags))).toMatch(line);
    expect(output.stdout).toBe("");
    expect(existsSync(inFolder("unwritten.json"))).toBe(false);
  });

  it("ends with code 2 for the caller's mistakes and 1 for bad data", async () => {
    const [usage, data] = await Promise.all([
      spillway("policy", "belief", ...flagsWith(RIGHT, { seed: "x" })),
      spillway("policy", "belief", ...flagsWith(RIGHT, { recording: "none.npy" })),
    ]);
    expect(usage).toMatchObject({ code: 2, stdout: "" });
    expect(usage.stderr).toMatch(/^spillway: --seed: .*\n$/);
    expect(data).toEqual({ code: 1, stdout: "", stderr: "spillway: none.npy: no such file\n" });
  });
});
