// Playing frames over a link: when answers come, what rules see, and what no rule can beat.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { SendOption } from "@spillway/shared/split/controller";
import { PROBE_AFTER_MS } from "@spillway/shared/split/send-choice";
import { describe, expect, it } from "vitest";
import { linkOptimum } from "../../../models/src/link/optimum.ts";
import { type FrameView, type LinkSetting, playLink } from "../../../models/src/link/play.ts";
import { replayOf } from "../../../models/src/link/replay.ts";
import { bufferRule, controllerRule, fixedRule, rateRule } from "../../../models/src/link/rules.ts";
import { scoreRun } from "../../../models/src/link/score.ts";
import { parseTrace } from "../../../models/src/link/trace.ts";

const LEAN: SendOption = { route: "tail", setting: "8x1", bytes: 200, gainShare: 0.5 };
const LARGE: SendOption = { route: "large", setting: null, bytes: 3000, gainShare: 1 };
const OPTIONS = [LEAN, LARGE];
/** 100 bytes a millisecond. */
const STEADY = replayOf(parseTrace("0 0.8\n10 0.8", "steady"));
const SETTING: LinkSetting = {
  intervalMs: 10,
  deadlineMs: 60,
  bucket: null,
  latencyMs: { tail: 20, large: 25 },
  fromMs: 0,
};
const metricsOf = (frames: number, random = mulberry32(5)) =>
  Float64Array.from({ length: frames }, () => 0.25 * random() ** 3);
const none = (frames: number) => new Float64Array(frames);

describe("a run", () => {
  it("has answers when bytes, queue, latency and jitter say", () => {
    const metrics = metricsOf(3);
    const run = playLink(fixedRule(1), OPTIONS, metrics, [0, 0, 7], STEADY, SETTING);
    expect(Array.from(run.answerMs)).toEqual([55, 75, 102]);
    expect(Array.from(run.queuedBytes)).toEqual([0, 2000, 4000]);
    expect(Array.from(run.choices)).toEqual([1, 1, 1]);
  });

  it("spends a token a send, and has as many as the bucket gives", () => {
    const bucket = { rate: 20, depth: 2 };
    const run = playLink(fixedRule(0), OPTIONS, metricsOf(12), none(12), STEADY, { ...SETTING, bucket });
    // Two to begin with, then one every 50 ms.
    expect(Array.from(run.choices)).toEqual([0, 0, -1, -1, -1, 0, -1, -1, -1, -1, 0, -1]);
  });

  it("shows a rule what is under way", () => {
    const seen: FrameView[] = [];
    const rule = (frame: FrameView) => {
      seen.push(frame);
      return seen.length === 1 ? 0 : null;
    };
    playLink(rule, OPTIONS, metricsOf(4), none(4), STEADY, SETTING);
    expect(seen.map(({ oldestMs }) => oldestMs)).toEqual([0, 10, 20, 0]);
    const { throughput, latencyMs } = seen[3].link().link;
    expect(OPTIONS[0].bytes / throughput + latencyMs.tail).toBeCloseTo(20 + OPTIONS[0].bytes / 100, 9);
  });

  it("is scored by gains in time, misses and bytes", () => {
    const metrics = Float64Array.of(0.2, 0.1, 0.3);
    const correct = { edge: Uint8Array.of(0, 1, 0), options: new Map([["large", Uint8Array.of(1, 1, 1)]]) };
    const images = { metrics, correct, edgeAccuracy: 1 / 3 };
    const run = playLink(fixedRule(1), OPTIONS, metrics, none(3), STEADY, SETTING);
    const score = scoreRun(run, OPTIONS, images, [0, 1, 2], SETTING, 0.1);
    // The first is in time, the others are not.
    expect(score.gain).toBeCloseTo(0.2 / 3, 12);
    expect(score.net).toBeCloseTo(0, 12);
    expect(score).toMatchObject({ missRate: 2 / 3, bytes: 3000, accuracy: 2 / 3 });
    const unknown = { ...images, correct: { ...correct, options: new Map() } };
    expect(scoreRun(run, OPTIONS, unknown, [0, 1, 2], SETTING, 0.1).accuracy).toBeNull();
  });
});

describe("rules", () => {
  it("by rate takes the largest that is predicted to be in time", () => {
    const rule = rateRule(OPTIONS, SETTING);
    const view = (throughput: number, queuedBytes: number): FrameView => {
      const link = { throughput, robustThroughput: 1, latencyMs: { tail: 20, large: 25 }, latencySpreadMs: 9 };
      return { nowMs: 0, metric: 0, tokens: 1, oldestMs: 0, link: () => ({ link, queuedBytes }) };
    };
    expect([view(100, 0), view(100, 500), view(100, 501), view(100, 3801), view(4, 0)].map(rule)).toEqual([
      1,
      1,
      0,
      null,
      null,
    ]);
  });

  it("by buffer takes less the longer the oldest is under way", () => {
    const rule = bufferRule(OPTIONS, { deadlineMs: 100 }, { low: 0.2, high: 0.8 });
    const at = (oldestMs: number) => rule({ nowMs: 0, metric: 0, tokens: 1, oldestMs, link: () => expect.fail() });
    expect([0, 20, 21, 76, 77, 80, 200].map(at)).toEqual([1, 1, 0, 0, null, null, null]);
  });

  it("of the controller tries a link that looks hopeless again, as seldom as the Worker does", () => {
    const control = { weights: { horizon: 5, missPenalty: 0.1 }, bucket: null, tokenPrice: 0 };
    const rule = controllerRule(OPTIONS, SETTING, control);
    const link = { throughput: 1, robustThroughput: 1, latencyMs: { tail: 500, large: 500 }, latencySpreadMs: 0 };
    const at = (nowMs: number) =>
      rule({ nowMs, metric: 0.5, tokens: 1, oldestMs: 0, link: () => ({ link, queuedBytes: 0 }) });
    const times = [0, 1, PROBE_AFTER_MS - 1, PROBE_AFTER_MS, PROBE_AFTER_MS + 1, 2 * PROBE_AFTER_MS];
    expect(times.map(at)).toEqual([0, null, null, 0, null, 0]);
  });
});

describe("the optimum", () => {
  it("is the best of all sequences of choices, over many small instances", () => {
    const random = mulberry32(8);
    for (let instance = 0; instance < 60; instance++) {
      const lines = Array.from({ length: 8 }, (_, second) => `${(second + 1) / 25} ${(0.1 + random() * 2).toFixed(3)}`);
      const replay = replayOf(parseTrace(["0 1", ...lines].join("\n"), "t"));
      const metrics = metricsOf(7, random);
      const setting = { ...SETTING, deadlineMs: 30 + random() * 60, fromMs: random() * 300 };
      const bound = linkOptimum(OPTIONS, metrics, replay, setting);
      const best = bestSequence(metrics, replay, setting);
      expect(bound).toBeGreaterThanOrEqual(best - 1e-9);
      expect(bound).toBeLessThan(best * 1.03 + 1e-4);
    }
  });

  it("is above every rule, with a bucket and without", () => {
    const options = [100, 200, 400, 800, 1600].map((bytes): SendOption => {
      return { route: "tail", setting: String(bytes), bytes, gainShare: bytes / (bytes + 200) };
    });
    const metrics = metricsOf(300);
    const weights = { horizon: 5, missPenalty: 0.1 };
    for (const bucket of [null, { rate: 30, depth: 5 }]) {
      const setting = { ...SETTING, bucket };
      const bound = linkOptimum(options, metrics, STEADY, setting);
      const images = { metrics, correct: null, edgeAccuracy: 0 };
      const rules = [
        fixedRule(0),
        fixedRule(1),
        rateRule(options, setting),
        bufferRule(options, setting, { low: 0.3, high: 0.9 }),
        controllerRule(options, setting, { weights, bucket, tokenPrice: 0 }),
      ];
      const gains = rules.map((rule) => {
        const run = playLink(rule, options, metrics, none(300), STEADY, setting);
        return (
          scoreRun(
            run,
            options,
            images,
            metrics.map((_, row) => row),
            setting,
            0.1,
          ).net * 300
        );
      });
      for (const gain of gains) expect(gain).toBeLessThanOrEqual(bound);
      // And the controller is near it where the link is steady.
      if (bucket === null) expect(gains[4] / bound).toBeGreaterThan(0.9);
      expect(gains[4]).toBeGreaterThanOrEqual(Math.max(...gains));
    }
  });

  it.each([16, 64, 256])(
    "is what the controller comes near to, whatever the link: %i bytes a millisecond",
    (bytesPerMs) => {
      const options = [50, 100, 200, 400, 800, 1600, 3200].map((bytes): SendOption => {
        return { route: "tail", setting: String(bytes), bytes, gainShare: bytes / (bytes + 200) };
      });
      const replay = replayOf({
        name: "steady",
        endsMs: Float64Array.of(1000),
        bytesPerMs: Float64Array.of(bytesPerMs),
      });
      const setting = { ...SETTING, intervalMs: 1500 / bytesPerMs, deadlineMs: 150 };
      const metrics = metricsOf(300);
      const control = { weights: { horizon: 5, missPenalty: 0.1 }, bucket: null, tokenPrice: 0 };
      const run = playLink(controllerRule(options, setting, control), options, metrics, none(300), replay, setting);
      const images = { metrics, correct: null, edgeAccuracy: 0 };
      const { net } = scoreRun(run, options, images, Array.from(metrics.keys()), setting, 0.1);
      expect((net * 300) / linkOptimum(options, metrics, replay, setting)).toBeGreaterThan(0.8);
    },
  );

  it("is nothing where there is no time", () => {
    expect(linkOptimum(OPTIONS, metricsOf(10), STEADY, { ...SETTING, deadlineMs: 19 })).toBe(0);
  });
});

/** Tries all; each run is played for real. */
function bestSequence(metrics: Float64Array, replay: ReturnType<typeof replayOf>, setting: LinkSetting): number {
  let best = 0;
  for (let code = 0; code < 3 ** metrics.length; code++) {
    let left = code;
    const rule = () => {
      const digit = left % 3;
      left = Math.floor(left / 3);
      return digit === 2 ? null : digit;
    };
    const run = playLink(rule, OPTIONS, metrics, none(metrics.length), replay, setting);
    const score = scoreRun(
      run,
      OPTIONS,
      { metrics, correct: null, edgeAccuracy: 0 },
      metrics.map((_, row) => row),
      setting,
      0,
    );
    best = Math.max(best, score.gain * metrics.length);
  }
  return best;
}
