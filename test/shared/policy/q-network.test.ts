import { readFileSync } from "node:fs";
import {
  decideByQNetwork,
  type QNetworkParameters,
  type QNetworkState,
  qNetworkParameters,
} from "@spillway/shared/policy/q-network";
import { checkPolicyText } from "@spillway/shared/schema/policy";
import { describe, expect, it } from "vitest";

/** Made by PyTorch: see q-network.py beside it. */
const VECTORS = new URL("../../vectors/q-network.json", import.meta.url);

interface VectorCase {
  name: string;
  policy: unknown;
  metrics: number[];
  /** After each frame, in time units. */
  intervals: number[];
  /** [frames][(m + 1) * 2] */
  outputs: number[][];
  /** [frames][m + 1] */
  wanted: boolean[][];
}

const { cases, smallestMargin } = JSON.parse(readFileSync(VECTORS, "utf8")) as {
  cases: VectorCase[];
  smallestMargin: number;
};
const withIntervals = parametersOf(cases[1].policy);

function parametersOf(policy: unknown): QNetworkParameters {
  const checked = checkPolicyText(JSON.stringify(policy));
  if (!checked.ok || checked.file.kind !== "q-network") return expect.fail(`expected a Q-network, got ${checked}`);
  return qNetworkParameters(checked.file);
}

/** The verdict at each level that holds a whole token, and the state that all of them leave. */
function decideAtLevels(
  metric: number,
  elapsedSeconds: number | null,
  state: QNetworkState | null,
  parameters: QNetworkParameters,
) {
  const { p, m } = parameters.grid;
  const decisions = Array.from({ length: m - p + 1 }, (_, k) =>
    decideByQNetwork({ metric, tokens: (p + k) / p, elapsedSeconds }, state, parameters),
  );
  for (const decision of decisions) expect(decision.state).toEqual(decisions[0].state);
  return { offloads: decisions.map(({ offload }) => offload), state: decisions[0].state };
}

/** Visits each frame of a case with the state that the frames before have left. */
function replay(
  { metrics, intervals }: VectorCase,
  parameters: QNetworkParameters,
  visit: (frame: number, offloads: boolean[], elapsedSeconds: number | null, before: QNetworkState | null) => void,
): void {
  let state: QNetworkState | null = null;
  metrics.forEach((metric, frame) => {
    const elapsedSeconds = frame === 0 ? null : intervals[frame - 1] * parameters.unitSeconds;
    const decided = decideAtLevels(metric, elapsedSeconds, state, parameters);
    visit(frame, decided.offloads, elapsedSeconds, state);
    state = decided.state;
  });
}

/** The same network with what it thinks of keeping, at one level, raised. */
function withKeepRaised(parameters: QNetworkParameters, level: number, amount: number): QNetworkParameters {
  const last = parameters.layers[parameters.layers.length - 1];
  const bias = last.bias.slice();
  bias[level * 2] += amount;
  return { ...parameters, layers: [...parameters.layers.slice(0, -1), { ...last, bias }] };
}

describe.each(cases)("the trainer's network, $name", (vectors) => {
  const parameters = parametersOf(vectors.policy);
  const { p, m } = parameters.grid;

  it.each([1, 0.25, 8])("decides as there at every level and frame, with time units of %d s", (unitSeconds) => {
    let offloaded = 0;
    replay(vectors, { ...parameters, unitSeconds }, (frame, offloads) => {
      expect(offloads).toEqual(vectors.wanted[frame].slice(p));
      offloaded += offloads.filter(Boolean).length;
    });
    // Both verdicts are there to be missed.
    const decisions = vectors.metrics.length * (m - p + 1);
    expect(offloaded).toBeGreaterThan(decisions / 10);
    expect(offloaded).toBeLessThan((decisions * 9) / 10);
  });

  it("puts the same number between keeping and offloading", () => {
    replay(vectors, parameters, (frame, _offloads, elapsedSeconds, before) => {
      for (let level = p; level <= m; level++) {
        const [keep, offload] = vectors.outputs[frame].slice(level * 2, level * 2 + 2);
        expect(Math.abs(offload - keep)).toBeGreaterThan(smallestMargin);
        const verdicts = [-1e-5, 1e-5].map((more) => {
          const raised = withKeepRaised(parameters, level, offload - keep + more);
          const observation = { metric: vectors.metrics[frame], tokens: level / p, elapsedSeconds };
          return decideByQNetwork(observation, before, raised).offload;
        });
        expect(verdicts).toEqual([true, false]);
      }
    });
  });

  it("changes neither the state nor the parameters", () => {
    const asMade = structuredClone(parameters);
    replay(vectors, parameters, (frame, offloads, elapsedSeconds, before) => {
      const kept = structuredClone(before);
      const again = decideAtLevels(vectors.metrics[frame], elapsedSeconds, before, parameters);
      expect(again.offloads).toEqual(offloads);
      expect(before).toEqual(kept);
    });
    expect(parameters).toEqual(asMade);
  });
});

it("reads layers whose inputs are no multiple of four", () => {
  const odd = parametersOf(cases[2].policy);
  expect(odd.layers.map(({ inputs }) => inputs % 4)).toEqual([2, 3, 1]);
});

describe("what it remembers", () => {
  const { metric: metricScale, interval, history } = withIntervals;
  const remembered = (metrics: number[], parameters = withIntervals) =>
    metrics.reduce<QNetworkState | null>(
      (state, metric, at) => decideAtLevels(metric, at === 0 ? null : 1, state, parameters).state,
      null,
    ) as QNetworkState;

  it("is the images so far, scaled, the last one last, and zeros before the first", () => {
    const { metrics, intervals } = remembered([0.25, 0.75]);
    const scaledMetrics = [0.25, 0.75].map((metric) => (metric - metricScale.mean) / metricScale.deviation);
    expect(metrics).toEqual(Float32Array.of(0, 0, 0, ...scaledMetrics));
    const scaledInterval = (1 - (interval?.mean ?? 0)) / (interval?.deviation ?? 0);
    expect(intervals).toEqual(Float32Array.of(0, 0, 0, 0, scaledInterval));
  });

  it("forgets an image once as many others have come as it looks back on, and not one earlier", () => {
    const others = (count: number) => Array.from({ length: count }, (_, at) => at / 10);
    expect(remembered([0.1, 0.9, ...others(history)])).toEqual(remembered([0.1, 0.2, ...others(history)]));
    expect(remembered([0.1, 0.9, ...others(history - 1)])).not.toEqual(remembered([0.1, 0.2, ...others(history - 1)]));
  });

  it("counts the interval before the first image as the mean", () => {
    const first = decideAtLevels(0.5, null, null, withIntervals);
    const average = (interval?.mean ?? 0) * withIntervals.unitSeconds;
    expect(first).toEqual(decideAtLevels(0.5, average, null, withIntervals));
    expect(first.state).not.toEqual(decideAtLevels(0.5, average * 2, null, withIntervals).state);
  });

  it("holds no intervals, and is the same whatever they are, where the network sees none", () => {
    const without = parametersOf(cases[0].policy);
    const decided = decideAtLevels(0.5, 1000, null, without);
    expect(decided.state?.intervals).toBeNull();
    expect(decided).toEqual(decideAtLevels(0.5, null, null, without));
  });
});

describe("at the edges", () => {
  const decideAt = (tokens: number) =>
    decideByQNetwork({ metric: 0.5, tokens, elapsedSeconds: null }, null, withIntervals).offload;
  /** A network that thinks so much of offloading, and nothing of keeping, whatever it sees. */
  const valuing = (offload: number): QNetworkParameters => {
    const bias = Float32Array.from({ length: 10 }, (_, output) => (output % 2) * offload);
    return { ...withIntervals, layers: [{ inputs: 10, outputs: 10, weights: new Float32Array(100), bias }] };
  };

  it("answers below one token for exactly one, and above the depth for a full bucket", () => {
    const { offloads } = decideAtLevels(0.5, null, null, withIntervals);
    // Otherwise nothing would tell these levels apart.
    expect(new Set(offloads).size).toBe(2);
    expect([-1, 0, 0.5, 1, 1.25].map(decideAt)).toEqual(Array(5).fill(offloads[0]));
    expect([2, 2.5, 1000].map(decideAt)).toEqual(Array(3).fill(offloads[offloads.length - 1]));
  });

  it.each([
    ["a tie keeps", 0, false],
    ["the least gain offloads", 2 ** -149, true],
    ["the least loss keeps", -(2 ** -149), false],
  ])("%s", (_, value, offload) => {
    const decided = decideByQNetwork({ metric: 0.5, tokens: 1, elapsedSeconds: null }, null, valuing(value));
    expect(decided).toMatchObject({ offload, threshold: null });
  });
});
