import { RISK_METHODS, type RiskLimit, riskPValue } from "@spillway/shared/offload/risk-control";
import {
  CLOSED,
  isCorrect,
  OFFLOAD_NOTHING,
  OFFLOAD_UNDECIDED,
  performanceOf,
  type SystemOutcomes,
  selectRows,
} from "@spillway/shared/offload/system-outcomes";
import {
  type Choice,
  certifiedThresholds,
  choicesOf,
  chooseThresholds,
  compareWithCloud,
  fulfils,
  offloadEverything,
  type Wishes,
} from "@spillway/shared/offload/threshold-choice";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyCosts, anySystem, type Image, systemOf } from "./systems.ts";

const SEED = { seed: 16, numRuns: 60 };
const anyProblem = fc.tuple(anySystem(2, 12), anyCosts(2));
const COSTS = { stageMs: [10, 20], cloudMs: 100 };

/** One exit that never answers, so that the offload threshold alone decides. */
function undecided(metrics: readonly number[], gains: (row: number) => boolean): SystemOutcomes {
  return systemOf(
    metrics.map((metric, row) => ({
      exits: [{ confidence: 0, correct: 0 }],
      metric,
      voteCorrect: 0,
      cloudCorrect: gains(row) ? 1 : 0,
    })),
  );
}

const offloadRates = (choices: readonly Choice[]) =>
  new Set(
    choices.filter(({ thresholds }) => thresholds.exits[0] > 0).map(({ performance }) => performance.offloadRate),
  );

describe("choicesOf", () => {
  it("says of every choice what its thresholds do on the rows", () => {
    fc.assert(
      fc.property(anyProblem, ([outcomes, costs]) => {
        for (const { thresholds, performance } of choicesOf(outcomes, costs)) {
          const { meanLatencyMs, ...rest } = performanceOf(outcomes, costs, thresholds);
          expect(performance).toEqual({ ...rest, meanLatencyMs: expect.closeTo(meanLatencyMs, 9) });
        }
      }),
      SEED,
    );
  });

  it("includes sending everything", () => {
    fc.assert(
      fc.property(anyProblem, ([outcomes, costs]) => {
        const everything = performanceOf(outcomes, costs, offloadEverything(outcomes));
        const rates = choicesOf(outcomes, costs).map(({ performance }) => performance);
        expect(rates).toContainEqual({ ...everything, meanLatencyMs: expect.closeTo(everything.meanLatencyMs, 9) });
      }),
      SEED,
    );
  });

  it("tries about 250 offload rates, evenly spread", () => {
    const metrics = Array.from({ length: 1000 }, (_, row) => row / 1000);
    const rates = [
      ...offloadRates(
        choicesOf(
          undecided(metrics, (row) => row % 3 > 0),
          { stageMs: [1], cloudMs: 9 },
        ),
      ),
    ];
    expect(rates.sort((a, b) => a - b)).toEqual(Array.from({ length: 251 }, (_, k) => k / 250));
  });

  it("tries every threshold that parts images of few gains", () => {
    // Groups whose ends are no multiple of the step of 4.
    const metrics = Array.from({ length: 1000 }, (_, row) => Math.floor(row / 143) / 10);
    const rates = offloadRates(
      choicesOf(
        undecided(metrics, (row) => row > 500),
        { stageMs: [1], cloudMs: 9 },
      ),
    );
    expect([...rates].sort((a, b) => a - b)).toEqual([0, 0.142, 0.285, 0.428, 0.571, 0.714, 0.857, 1]);
  });

  it("refuses no rows and costs that do not fit", () => {
    const outcomes = undecided([0.5], () => true);
    expect(() => choicesOf(selectRows(outcomes, []), { stageMs: [1], cloudMs: 1 })).toThrow(RangeError);
    expect(() => choicesOf(outcomes, COSTS)).toThrow(RangeError);
  });
});

describe("chooseThresholds", () => {
  // Gains fall with the metric: 2 won, 1 even, 1 lost.
  const outcomes = systemOf(
    [
      [0.9, 0, 1],
      [0.6, 0, 1],
      [0.4, 1, 1],
      [0.2, 1, 0],
    ].map(
      ([metric, voteCorrect, cloudCorrect]): Image => ({
        exits: [{ confidence: 0.5, correct: 0 }],
        metric,
        voteCorrect,
        cloudCorrect,
      }),
    ),
  );
  const costs = { stageMs: [10], cloudMs: 100 };
  const choose = (wishes: Wishes) => chooseThresholds(outcomes, costs, wishes);

  it("takes the most accurate, of equals the fastest, where no accuracy is wished for", () => {
    expect(choose({})?.performance).toMatchObject({ accuracy: 1, offloadRate: 0.5, meanLatencyMs: 60 });
  });

  it.each([
    [{ maxOffload: 0.5 }, 1, 0.5],
    [{ maxOffload: 0.499 }, 0.75, 0.25],
    [{ maxOffload: 0.25 }, 0.75, 0.25],
    [{ maxOffload: 0 }, 0.5, 0],
    [{ maxMeanLatencyMs: 35 }, 0.75, 0.25],
    [{ maxMeanLatencyMs: 34.999 }, 0.5, 0],
    [{ maxMeanLatencyMs: 10 }, 0.5, 0],
    [{ minAccuracy: 0.75 }, 0.75, 0.25],
    [{ minAccuracy: 0.751 }, 1, 0.5],
    [{ minAccuracy: 1, maxOffload: 0.5 }, 1, 0.5],
  ])("fulfils %j at the limit", (wishes, accuracy, offloadRate) => {
    const choice = choose(wishes);
    expect(choice?.performance).toMatchObject({ accuracy, offloadRate });
    if (choice !== null)
      expect(performanceOf(outcomes, costs, choice.thresholds)).toMatchObject({ accuracy, offloadRate });
  });

  it.each([
    { minAccuracy: 1.001 },
    { minAccuracy: 1, maxOffload: 0.499 },
    { minAccuracy: 1, maxMeanLatencyMs: 59.999 },
    { maxMeanLatencyMs: 9.999 },
    { maxOffload: -0.001 },
  ])("has nothing for %j, one step past the limit", (wishes) => {
    expect(choose(wishes)).toBeNull();
  });

  it("has what each choice achieves, and no choice that is better by the wishes", () => {
    fc.assert(
      fc.property(anyProblem, fc.nat(), ([system, prices], pick) => {
        const choices = choicesOf(system, prices);
        const { accuracy, offloadRate, meanLatencyMs } = choices[pick % choices.length].performance;
        const limits = { maxOffload: offloadRate, maxMeanLatencyMs: meanLatencyMs };
        const best = chooseThresholds(system, prices, limits, choices)?.performance;
        const fastest = chooseThresholds(system, prices, { ...limits, minAccuracy: accuracy }, choices)?.performance;
        if (best === undefined || fastest === undefined) return expect.fail("a choice fulfils what it achieves itself");
        expect(fulfils(best, limits) && fulfils(fastest, { ...limits, minAccuracy: accuracy })).toBe(true);
        const allowed = choices.map(({ performance }) => performance).filter((other) => fulfils(other, limits));
        const leastMs = (rivals: typeof allowed) => Math.min(...rivals.map((rival) => rival.meanLatencyMs));
        expect(best.accuracy).toBe(Math.max(...allowed.map((rival) => rival.accuracy)));
        expect(best.meanLatencyMs).toBe(leastMs(allowed.filter((rival) => rival.accuracy === best.accuracy)));
        expect(fastest.meanLatencyMs).toBe(leastMs(allowed.filter((rival) => rival.accuracy >= accuracy)));
        const topAccuracy = Math.max(...choices.map((choice) => choice.performance.accuracy));
        const past = topAccuracy + 0.5 / system.rows;
        expect(chooseThresholds(system, prices, { minAccuracy: topAccuracy }, choices)).not.toBeNull();
        expect(chooseThresholds(system, prices, { minAccuracy: past }, choices)).toBeNull();
      }),
      SEED,
    );
  });
});

describe("fulfils", () => {
  const performance = { accuracy: 0.8, offloadRate: 0.3, meanLatencyMs: 40, exitShares: [] };

  it.each([
    [{}, true],
    [{ maxOffload: 0.3, minAccuracy: 0.8, maxMeanLatencyMs: 40 }, true],
    [{ maxOffload: 0.29 }, false],
    [{ minAccuracy: 0.81 }, false],
    [{ maxMeanLatencyMs: 39 }, false],
  ])("%j: %s", (wishes, expected) => {
    expect(fulfils(performance, wishes)).toBe(expected);
  });
});

it("compareWithCloud counts where the answer is worse and better than the cloud's", () => {
  fc.assert(
    fc.property(
      anyProblem,
      fc.constantFrom(0, 0.5, CLOSED),
      fc.constantFrom(-1, 0.25, 1),
      ([system], exit, offload) => {
        const thresholds = { exits: [exit, 0.75], offload };
        const rows = Array.from({ length: system.rows }, (_, row) => row);
        const differs = (by: number) =>
          rows.filter((row) => system.cloud.correct[row] - isCorrect(system, thresholds, row) === by).length;
        expect(compareWithCloud(system, thresholds)).toEqual({ worse: differs(1), better: differs(-1) });
        expect(compareWithCloud(system, offloadEverything(system))).toEqual({ worse: 0, better: 0 });
      },
    ),
    SEED,
  );
});

/** Images of a population: the surer the exits, the more often they are right; the cloud nearly always is. */
function population(rows: number, seed: number): Image[] {
  const random = mulberry32(seed);
  return Array.from({ length: rows }, () => {
    const sure = random();
    const isRight = random() < 0.55 + 0.45 * sure ? 1 : 0;
    const isRightLater = random() < 0.7 + 0.3 * sure ? 1 : 0;
    return {
      exits: [
        { confidence: Math.round(32 * sure) / 32, correct: isRight },
        { confidence: Math.round(32 * Math.sqrt(sure)) / 32, correct: isRightLater },
      ],
      metric: Math.round(20 * (0.5 - 0.6 * sure)) / 32,
      voteCorrect: isRightLater,
      cloudCorrect: random() < 0.97 ? 1 : 0,
    };
  });
}

describe("certifiedThresholds", () => {
  const fastestCertified = (...args: Parameters<typeof certifiedThresholds>) =>
    certifiedThresholds(...args).at(-1) ?? null;

  const limit: RiskLimit = { maxAccuracyLoss: 0.1, confidenceLevel: 0.95, method: "paired-exact" };
  const fitted = systemOf(population(100, 1));

  /** What the fitted rows propose, by the description: the fastest for each loss, the slowest first. */
  const everything = performanceOf(fitted, COSTS, offloadEverything(fitted)).accuracy;
  const choices = choicesOf(fitted, COSTS);
  const proposals = Array.from({ length: 61 }, (_, step) => {
    const minAccuracy = everything - ((step - 10) / 20) * limit.maxAccuracyLoss;
    return chooseThresholds(fitted, COSTS, { minAccuracy }, choices)?.thresholds;
  }).filter((thresholds) => thresholds !== undefined);
  const distinct = new Map(proposals.map((thresholds) => [JSON.stringify(thresholds), thresholds]));
  const candidates = [offloadEverything(fitted), ...distinct.values()];

  it("lists every certified choice, sending everything first", () => {
    const certification = systemOf(population(3000, 2));
    const all = certifiedThresholds(fitted, certification, COSTS, limit);
    expect(all.length).toBeGreaterThan(2);
    expect(all).toEqual(candidates.slice(0, all.length));
  });

  it.each(RISK_METHODS)("is the last of the fitted rows' candidates before one is not certified: %s", (method) => {
    expect(candidates.length).toBeGreaterThan(4);
    const found = new Set<number>();
    for (let seed = 2; seed < 12; seed++) {
      const rows = 30 * seed;
      const certification = systemOf(population(rows, seed));
      const passes = candidates.map(
        (candidate) => riskPValue(compareWithCloud(certification, candidate), rows, { ...limit, method }) <= 1 - 0.95,
      );
      const count = passes.includes(false) ? passes.indexOf(false) : passes.length;
      found.add(count);
      const expected = count === 0 ? null : candidates[count - 1];
      expect(fastestCertified(fitted, certification, COSTS, { ...limit, method })).toEqual(expected);
    }
    expect(found.size).toBeGreaterThan(1);
  });

  it("proposes nothing that the certification rows suggest", () => {
    const anyCertification = fc.array(fc.nat(399), { minLength: 1, maxLength: 60 });
    const source = systemOf(population(400, 99));
    fc.assert(
      fc.property(anyCertification, (rows) => {
        // Rows repeated, so that there are enough of them to certify something.
        const certification = selectRows(
          source,
          Array.from({ length: 600 }, (_, index) => rows[index % rows.length]),
        );
        const thresholds = fastestCertified(fitted, certification, COSTS, limit);
        if (thresholds !== null) expect(candidates).toContainEqual(thresholds);
      }),
      { ...SEED, numRuns: 12 },
    );
  });

  it("does not care for the order of the certification rows", () => {
    const certification = systemOf(population(400, 3));
    const reversed = selectRows(
      certification,
      Array.from({ length: 400 }, (_, row) => 399 - row),
    );
    const found = fastestCertified(fitted, certification, COSTS, limit);
    expect(found).not.toBeNull();
    expect(fastestCertified(fitted, reversed, COSTS, limit)).toEqual(found);
  });

  it("takes the fastest candidate where edge and cloud never differ, and none with one row too few", () => {
    const alike = systemOf(
      population(600, 4).map((image) => ({
        ...image,
        exits: image.exits.map(({ confidence }) => ({ confidence, correct: 1 })),
        voteCorrect: 1,
        cloudCorrect: 1,
      })),
    );
    expect(fastestCertified(fitted, alike, COSTS, limit)).toEqual(candidates.at(-1));
    const binomial: RiskLimit = { ...limit, method: "binomial" };
    const first = (rows: number) =>
      selectRows(
        alike,
        Array.from({ length: rows }, (_, row) => row),
      );
    // 0.9^29 is below 0.05, and 0.9^28 is not.
    expect(fastestCertified(fitted, first(29), COSTS, binomial)).toEqual(candidates.at(-1));
    expect(fastestCertified(fitted, first(28), COSTS, binomial)).toBeNull();
  });

  it.each(RISK_METHODS)("keeps no image where only the cloud is ever right: %s", (method) => {
    const harm = systemOf(
      population(400, 5).map((image) => ({
        ...image,
        exits: image.exits.map(({ confidence }) => ({ confidence, correct: 0 })),
        voteCorrect: 0,
        cloudCorrect: 1,
      })),
    );
    const thresholds = fastestCertified(fitted, harm, COSTS, { ...limit, method });
    if (thresholds !== null) expect(performanceOf(harm, COSTS, thresholds).accuracy).toBeGreaterThan(0.95);
    // Rows of the same kind propose sending everything, which is certified.
    const safest = fastestCertified(harm, harm, COSTS, { ...limit, method });
    expect(safest === null ? null : performanceOf(harm, COSTS, safest).accuracy).toBeGreaterThan(0.95);
  });

  /**
   * Twenty images, the surest first, by what the cloud gains on each: of what may be kept, the surest 10 lose nothing,
   * 15 one image, 18 two, and 20 four. The last line has as many images won as lost among the first.
   */
  const GAINS = {
    lostOnly: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1],
    wonToo: [-1, 1, 1, -1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 1],
  };
  const imagesOf = (gains: readonly number[]) =>
    systemOf(
      gains.map((gain, row) => {
        const correct = gain > 0 ? 0 : 1;
        const exits = [{ confidence: 1 - row / 32, correct }];
        return { exits, metric: row / 32, voteCorrect: correct, cloudCorrect: gain < 0 ? 0 : 1 };
      }),
    );

  // Two images of twenty are just above the limit: certifying their loss is a violation, and a tempting one.
  it.each([
    ["paired-exact", "wonToo"],
    ["binomial", "lostOnly"],
  ] as const)("loses more than the limit in at most a twentieth of experiments: %s, %s", (method, gains) => {
    const whole = imagesOf(GAINS[gains]);
    const costs = { stageMs: [10], cloudMs: 100 };
    const reference = performanceOf(whole, costs, offloadEverything(whole)).accuracy;
    const random = mulberry32(8);
    const draws = 300;
    const demand = { ...limit, maxAccuracyLoss: 0.0999, method };
    let violations = 0;
    let certified = 0;
    for (let draw = 0; draw < draws; draw++) {
      const rows = Array.from({ length: 800 }, () => Math.floor(random() * whole.rows));
      const thresholds = fastestCertified(whole, selectRows(whole, rows), costs, demand);
      if (thresholds === null) continue;
      certified++;
      if (reference - performanceOf(whole, costs, thresholds).accuracy > demand.maxAccuracyLoss) violations++;
    }
    expect(violations).toBeLessThanOrEqual(draws * 0.05 + 3 * Math.sqrt(draws * 0.05 * 0.95));
    // Some do, so the bound is not met by never being near it.
    expect(violations).toBeGreaterThan(0);
    expect(certified).toBe(draws);
  });

  it.each([0, 1, Number.NaN])("refuses a limit of %d", (maxAccuracyLoss) => {
    const message = `maxAccuracyLoss: expected a number between 0 and 1, got ${maxAccuracyLoss}`;
    const find = () => fastestCertified(fitted, fitted, COSTS, { ...limit, maxAccuracyLoss });
    expect(find).toThrow(new RangeError(message));
  });
});

it("offloadEverything closes each exit", () => {
  const system = systemOf(population(3, 1));
  expect(offloadEverything(system)).toEqual({ exits: [CLOSED, CLOSED], offload: OFFLOAD_UNDECIDED });
  expect(performanceOf(system, COSTS, offloadEverything(system)).offloadRate).toBe(1);
  expect(OFFLOAD_NOTHING).toBe(1);
});
