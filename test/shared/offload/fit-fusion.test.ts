import { meanNegativeLogLikelihood } from "@spillway/shared/calibration/fit-calibrator";
import { fitLogLinearPool } from "@spillway/shared/calibration/log-linear-pool";
import { fitPoolWeights } from "@spillway/shared/calibration/opinion-pool";
import { rowOf, takeRows } from "@spillway/shared/calibration/row-major";
import { softmax } from "@spillway/shared/calibration/softmax";
import {
  compareFusions,
  crossValidateChosenFusion,
  FUSION_METHODS,
  fitFusion,
} from "@spillway/shared/offload/fit-fusion";
import { fuse } from "@spillway/shared/offload/fusion";
import { foldsOf } from "@spillway/shared/random/folds";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { fusionSchema } from "@spillway/shared/schema/calibration";
import { describe, expect, it } from "vitest";
import { expectClose } from "../close.ts";

const CLASSES = 3;
const ROWS = 300;

/** Two members that see the label through noise of their own. */
function drawn(seed: number, edgeSignal: number, cloudSignal: number) {
  const random = mulberry32(seed);
  const labels = Array.from({ length: ROWS }, () => Math.floor(CLASSES * random()));
  const member = (signal: number) =>
    Float64Array.from(
      labels.flatMap((label) => {
        const logits = [0, 1, 2].map((k) => (k === label ? signal : 0) + 2 * (random() - random()));
        return [...softmax(logits)];
      }),
    );
  return { labels, edge: member(edgeSignal), cloud: member(cloudSignal) };
}

const { labels, edge, cloud } = drawn(1, 1, 1.5);

describe("fitFusion", () => {
  it("is nothing, the weights of a mean, or the powers of a product", () => {
    expect(fitFusion("none", edge, cloud, labels, CLASSES)).toBeNull();
    const ofTruth = (values: Float64Array) => labels.map((label, row) => values[row * CLASSES + label]);
    const [edgeWeight] = fitPoolWeights([ofTruth(edge), ofTruth(cloud)]);
    expect(fitFusion("linear", edge, cloud, labels, CLASSES)).toEqual({ edgeWeight });
    const [edgePower, cloudPower] = fitLogLinearPool([edge, cloud], labels, CLASSES);
    expect(fitFusion("log-linear", edge, cloud, labels, CLASSES)).toEqual({ edgePower, cloudPower });
  });

  it("trusts the member that knows more", () => {
    const [one, other] = [
      fitFusion("linear", edge, cloud, labels, CLASSES),
      fitFusion("linear", cloud, edge, labels, 3),
    ];
    if (one === null || other === null || !("edgeWeight" in one) || !("edgeWeight" in other)) {
      return expect.fail("expected weights");
    }
    expect(one.edgeWeight).toBeLessThan(0.5);
    expect(one.edgeWeight + other.edgeWeight).toBeCloseTo(1, 6);
  });

  it.each(FUSION_METHODS)("gives what a calibration can hold: %s", (method) => {
    const fusion = fitFusion(method, edge, cloud, labels, CLASSES);
    expect(fusionSchema.nullable().safeParse(fusion).error).toBeUndefined();
  });

  it.each(FUSION_METHODS)("refuses what does not fit: %s", (method) => {
    const fitting = (e: Float64Array, c: Float64Array, l: number[]) => () => fitFusion(method, e, c, l, CLASSES);
    const range = "labels: expected an integer in [0, 3) in row 2, got 3";
    expect(fitting(edge, cloud, labels.with(2, 3))).toThrow(new RangeError(range));
    expect(fitting(edge.slice(3), cloud, labels)).toThrow(new RangeError("edge: expected 300 x 3 numbers, got 897"));
    expect(fitting(edge, cloud.slice(1), labels)).toThrow(new RangeError("cloud: expected 300 x 3 numbers, got 899"));
    expect(fitting(edge.with(4, Number.NaN), cloud, labels)).toThrow("edge: expected numbers, got NaN in row 1");
    expect(fitting(new Float64Array(), new Float64Array(), [])).toThrow("labels: expected at least one row, got none");
  });
});

describe("compareFusions", () => {
  const comparisons = compareFusions(edge, cloud, labels, CLASSES);
  const named = (method: string) => comparisons.find((comparison) => comparison.method === method);

  it("fuses every row by weights fitted on the other folds", () => {
    for (const { method, probabilities, nll } of comparisons) {
      for (const { fitted, judged } of foldsOf(ROWS)) {
        const truths = fitted.map((row) => labels[row]);
        const [a, b] = [edge, cloud].map((values) => takeRows(values, fitted, CLASSES));
        const fusion = fitFusion(method, a, b, truths, CLASSES);
        for (const row of judged) {
          const [e, c] = [edge, cloud].map((values) => rowOf(values, row, CLASSES));
          expectClose(rowOf(probabilities, row, CLASSES), fusion === null ? c : fuse(e, c, fusion));
        }
      }
      expect(nll).toBe(meanNegativeLogLikelihood(probabilities, labels, CLASSES));
    }
  });

  it("keeps a row's own label out of its answer", () => {
    const after = compareFusions(edge, cloud, labels.with(9, (labels[9] + 1) % CLASSES), CLASSES);
    const fold = foldsOf(ROWS).find(({ judged }) => judged.includes(9))?.judged ?? [];
    for (const { method, probabilities } of after) {
      const before = named(method)?.probabilities ?? new Float64Array();
      for (const row of fold) expect(rowOf(probabilities, row, CLASSES)).toEqual(rowOf(before, row, CLASSES));
    }
  });

  it("prefers the product where both see the label through noise of their own, and the cloud alone to noise", () => {
    expect(comparisons[0].method).toBe("log-linear");
    // What knows the labels as they were drawn needs no help.
    const random = mulberry32(2);
    const sure = drawn(3, 0, 0);
    const known = labels.map((_, row) => {
      const u = random();
      const [a, b] = rowOf(sure.cloud, row, CLASSES);
      return u < a ? 0 : u < a + b ? 1 : 2;
    });
    const ordered = compareFusions(sure.edge, sure.cloud, known, CLASSES);
    expect(ordered[0].method).toBe("none");
    for (const list of [comparisons, ordered]) {
      const errors = list.map(({ nll }) => nll);
      expect(errors).toEqual(errors.toSorted((a, b) => a - b));
    }
    expect(named("none")?.probabilities).toEqual(cloud);
  });

  it("prefers the simpler of equals", () => {
    // Members that know nothing stay as they are under every mean and product.
    const flat = new Float64Array(ROWS * 2).fill(0.5);
    const halves = Array.from({ length: ROWS }, (_, row) => row % 2);
    expect(compareFusions(flat, flat, halves, 2).map(({ method }) => method)).toEqual(FUSION_METHODS);
  });

  it("refuses fewer rows than folds, and tables that do not fit", () => {
    const first = (rows: number) =>
      compareFusions(edge.slice(0, 3 * rows), cloud.slice(0, 3 * rows), labels.slice(0, rows), 3);
    expect(first(5)).toHaveLength(3);
    expect(() => first(4)).toThrow(new RangeError("folds: expected 2 to 4 (one row each), got 5"));
    const short = () => compareFusions(edge, cloud.slice(3), labels, CLASSES);
    expect(short).toThrow(new RangeError("cloud: expected 300 x 3 numbers, got 897"));
  });
});

it("chooses a way in each fold again, among the fold's own rows", () => {
  // Few rows and an edge that knows next to nothing: whether it helps depends on which are looked at.
  const rows = 40;
  const all = drawn(1, 0.15, 1.5);
  const truths = all.labels.slice(0, rows);
  const tables = [all.edge, all.cloud].map((values) => values.slice(0, rows * CLASSES));
  const chosen = crossValidateChosenFusion(tables[0], tables[1], truths, CLASSES);
  const methods = foldsOf(rows).map(({ fitted, judged }) => {
    const [a, b] = tables.map((values) => takeRows(values, fitted, CLASSES));
    const known = [a, b, fitted.map((row) => truths[row]), CLASSES] as const;
    const [{ method }] = compareFusions(...known, 3);
    const fusion = fitFusion(method, ...known);
    for (const row of judged) {
      const [one, other] = tables.map((values) => rowOf(values, row, CLASSES));
      expectClose(rowOf(chosen.probabilities, row, CLASSES), fusion === null ? other : fuse(one, other, fusion));
    }
    return method;
  });
  expect(new Set(methods).size).toBeGreaterThan(1);
  expect(chosen.nll).toBe(meanNegativeLogLikelihood(chosen.probabilities, truths, CLASSES));
});
