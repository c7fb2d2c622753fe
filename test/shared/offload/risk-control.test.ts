import {
  type Comparison,
  certifiableRows,
  certifyInOrder,
  RISK_METHODS,
  type RiskLimit,
  riskPValue,
} from "@spillway/shared/offload/risk-control";
import { binomialPValue, hoeffdingBentkusPValue, pairedPValue } from "@spillway/shared/offload/risk-p-values";
import { describe, expect, it } from "vitest";

const LIMIT: RiskLimit = { maxAccuracyLoss: 0.02, confidenceLevel: 0.95, method: "paired-exact" };
const SAME: Comparison = { worse: 0, better: 0 };

describe("riskPValue", () => {
  it("is the test of the method", () => {
    const counts = { worse: 9, better: 4 };
    expect(riskPValue(counts, 1000, LIMIT)).toBe(pairedPValue(9, 4, 1000, 0.02));
    expect(riskPValue(counts, 1000, { ...LIMIT, method: "binomial" })).toBe(binomialPValue(9, 1000, 0.02));
    const bound = hoeffdingBentkusPValue(9 / 1000, 1000, 0.02);
    expect(riskPValue(counts, 1000, { ...LIMIT, method: "hoeffding-bentkus" })).toBe(bound);
  });

  it("counts images won only where it is paired", () => {
    const won = { worse: 15, better: 40 };
    const lost = { worse: 15, better: 0 };
    expect(riskPValue(won, 1000, LIMIT)).toBeLessThan(riskPValue(lost, 1000, LIMIT));
    for (const method of ["binomial", "hoeffding-bentkus"] as const) {
      expect(riskPValue(won, 1000, { ...LIMIT, method })).toBe(riskPValue(lost, 1000, { ...LIMIT, method }));
    }
  });

  it.each(RISK_METHODS)("rises with the images lost and falls with the limit: %s", (method) => {
    let last = 0;
    for (let worse = 0; worse <= 30; worse++) {
      const p = riskPValue({ worse, better: 0 }, 1000, { ...LIMIT, method });
      expect(p).toBeGreaterThanOrEqual(last);
      expect(riskPValue({ worse, better: 0 }, 1000, { ...LIMIT, maxAccuracyLoss: 0.03, method })).toBeLessThanOrEqual(
        p,
      );
      last = p;
    }
    expect(last).toBeGreaterThan(0.9);
  });

  it.each(RISK_METHODS)("refuses counts that do not fit the rows: %s", (method) => {
    for (const worse of [-1, 11]) {
      expect(() => riskPValue({ worse, better: 0 }, 10, { ...LIMIT, method })).toThrow(RangeError);
    }
  });
});

describe("certifyInOrder", () => {
  it.each(RISK_METHODS)("certifies a candidate at the risk that the level leaves, and none above it: %s", (method) => {
    const lost = { worse: 14, better: 0 };
    const p = riskPValue(lost, 1000, { ...LIMIT, method });
    // A level below 0.95, where the p-value does not depend on it.
    expect(p).toBeGreaterThan(0.05);
    expect(p).toBeLessThan(0.5);
    const certified = (risk: number) => certifyInOrder([lost], 1000, { ...LIMIT, method, confidenceLevel: 1 - risk });
    expect(certified(p + 1e-12)).toBe(1);
    expect(certified(p - 1e-12)).toBe(0);
  });

  it("can be had at the highest levels", () => {
    expect(certifyInOrder([SAME], 5000, { ...LIMIT, confidenceLevel: 1 - 1e-6 })).toBe(1);
    expect(certifyInOrder([SAME], 300, { ...LIMIT, confidenceLevel: 1 - 1e-6 })).toBe(0);
  });

  it("stops at the first candidate that fails, and looks no further", () => {
    function* candidates(): Generator<Comparison> {
      yield SAME;
      yield { worse: 3, better: 0 };
      yield { worse: 30, better: 0 };
      throw new Error("read past the first failure");
    }
    expect(certifyInOrder(candidates(), 1000, LIMIT)).toBe(2);
  });

  it("certifies none of none, none when the first fails, and all when all pass", () => {
    expect(certifyInOrder([], 1000, LIMIT)).toBe(0);
    expect(certifyInOrder([{ worse: 30, better: 0 }, SAME, SAME], 1000, LIMIT)).toBe(0);
    expect(certifyInOrder([SAME, SAME, SAME], 1000, LIMIT)).toBe(3);
  });

  it.each([0, 1, -0.1, 1.1, Number.NaN])("refuses a limit or a level of %d", (wrong) => {
    for (const name of ["maxAccuracyLoss", "confidenceLevel"]) {
      const limit = { ...LIMIT, [name]: wrong };
      const message = `${name}: expected a number between 0 and 1, got ${wrong}`;
      expect(() => certifyInOrder([], 10, limit)).toThrow(new RangeError(message));
      expect(() => certifiableRows(limit)).toThrow(new RangeError(message));
    }
  });
});

describe("certifiableRows", () => {
  const limits = RISK_METHODS.flatMap((method) =>
    [0.005, 0.02, 0.1, 0.3].flatMap((maxAccuracyLoss) =>
      [0.5, 0.9, 0.95, 0.99, 0.999].map((confidenceLevel) => ({ maxAccuracyLoss, confidenceLevel, method })),
    ),
  );

  it.each(limits)("is the fewest: $method, at most $maxAccuracyLoss at level $confidenceLevel", (limit) => {
    const rows = certifiableRows(limit);
    expect(certifyInOrder([SAME], rows, limit)).toBe(1);
    for (let fewer = 1; fewer < rows; fewer++) {
      if (fewer < rows - 40 && fewer % 7 !== 0) continue;
      expect(certifyInOrder([SAME], fewer, limit)).toBe(0);
    }
    // And it stays enough.
    for (const more of [rows + 1, rows + 2, rows + 13, 2 * rows, 10 * rows]) {
      expect(certifyInOrder([SAME], more, limit)).toBe(1);
    }
  });

  it("is what the binomial test needs: (1 - limit)^rows <= 1 - level", () => {
    expect(certifiableRows({ ...LIMIT, method: "binomial" })).toBe(Math.ceil(Math.log(0.05) / Math.log(0.98)));
    expect(certifiableRows({ ...LIMIT, method: "binomial", maxAccuracyLoss: 0.96 })).toBe(1);
  });

  it("is Infinity where no number is enough", () => {
    expect(certifiableRows({ ...LIMIT, maxAccuracyLoss: 0.5 })).toBeLessThan(100);
    expect(certifiableRows({ ...LIMIT, maxAccuracyLoss: 0.51 })).toBe(Number.POSITIVE_INFINITY);
    expect(certifiableRows({ ...LIMIT, maxAccuracyLoss: 1e-14 })).toBe(Number.POSITIVE_INFINITY);
  });
});
