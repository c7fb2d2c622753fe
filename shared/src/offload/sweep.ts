// What selective offloading achieves at every confidence threshold: EdgeBoost's evaluation, for all
// thresholds at once. A sample is offloaded when its confidence is below the threshold.
import { ascendingOrder } from "../calibration/ascending-order.ts";

/** A threshold that no confidence reaches: everything is offloaded. */
export const OFFLOAD_ALL = 2;

/** One point for each distinct confidence, in rising order, and one where everything is offloaded. */
export interface AccuracyCurve {
  rows: number;
  /** Samples with a lower confidence are offloaded. */
  thresholds: Float64Array;
  /** How many samples that are. */
  offloaded: Uint32Array;
  /** Right answers among the samples kept. */
  keptCorrect: Uint32Array;
  /** Right answers of both together. */
  correct: Uint32Array;
}

export interface SweepRow {
  threshold: number;
  accuracy: number;
  offloadRate: number;
  /** Accuracy on the samples kept; null where none is. */
  keptAccuracy: number | null;
}

/**
 * The curve of accuracy against offloading, by one sort of the confidences: O(rows log rows).
 *
 * @param confidence [rows]
 * @param edgeCorrect [rows], 1 where the edge is right, else 0
 * @param cloudCorrect [rows], likewise for the answer that an offloaded sample gets
 * @throws RangeError for no rows, different lengths, NaN, or a confidence of {@link OFFLOAD_ALL} or more
 */
export function sweepThresholds(
  confidence: Float64Array,
  edgeCorrect: Uint8Array,
  cloudCorrect: Uint8Array,
): AccuracyCurve {
  const rows = confidence.length;
  checkPairRows(confidence, edgeCorrect, cloudCorrect);
  const order = ascendingOrder(confidence);
  const curve = emptyCurve(rows, distinctCount(confidence, order) + 1);
  let keptCorrect = edgeCorrect.reduce((sum, right) => sum + right, 0);
  let offloadedCorrect = 0;
  let point = 0;
  for (let rank = 0; rank < rows; rank++) {
    const row = order[rank];
    if (rank === 0 || confidence[row] !== confidence[order[rank - 1]]) {
      setPoint(curve, point++, confidence[row], rank, keptCorrect, offloadedCorrect);
    }
    keptCorrect -= edgeCorrect[row];
    offloadedCorrect += cloudCorrect[row];
  }
  setPoint(curve, point, OFFLOAD_ALL, rows, keptCorrect, offloadedCorrect);
  return curve;
}

/** What a threshold achieves; O(log points). @throws RangeError for NaN */
export function rowAt(curve: AccuracyCurve, threshold: number): SweepRow {
  if (Number.isNaN(threshold)) throw new RangeError("threshold: expected a number, got NaN");
  let low = 0;
  let high = curve.thresholds.length - 1;
  // The first point whose threshold is not below the wanted one offloads the same samples.
  while (low < high) {
    const middle = (low + high) >> 1;
    if (curve.thresholds[middle] >= threshold) high = middle;
    else low = middle + 1;
  }
  return { ...pointOf(curve, low), threshold };
}

/** One point of the curve as fractions. */
export function pointOf(curve: AccuracyCurve, point: number): SweepRow {
  const { rows } = curve;
  const kept = rows - curve.offloaded[point];
  return {
    threshold: curve.thresholds[point],
    accuracy: curve.correct[point] / rows,
    offloadRate: curve.offloaded[point] / rows,
    keptAccuracy: kept === 0 ? null : curve.keptCorrect[point] / kept,
  };
}

/** Mean accuracy over all offload rates from 0 to 1: the trapezoids under the curve. */
export function areaUnderCurve({ rows, offloaded, correct }: AccuracyCurve): number {
  let area = 0;
  for (let point = 1; point < offloaded.length; point++) {
    area += ((offloaded[point] - offloaded[point - 1]) / rows) * ((correct[point] + correct[point - 1]) / 2 / rows);
  }
  return area;
}

/** Accuracy at an offload rate for whoever knows which answers are right: gains first, losses last. */
export function oracleAccuracy(edgeCorrect: Uint8Array, cloudCorrect: Uint8Array, offloadRate: number): number {
  const rows = edgeCorrect.length;
  let right = 0;
  let gains = 0;
  let losses = 0;
  for (let row = 0; row < rows; row++) {
    right += edgeCorrect[row];
    if (cloudCorrect[row] > edgeCorrect[row]) gains++;
    else if (cloudCorrect[row] < edgeCorrect[row]) losses++;
  }
  const offloaded = offloadRate * rows;
  return (right + Math.min(gains, offloaded) - Math.max(0, offloaded - (rows - losses))) / rows;
}

/** @throws RangeError as {@link sweepThresholds} does */
export function checkPairRows(confidence: Float64Array, edgeCorrect: Uint8Array, cloudCorrect: Uint8Array): void {
  const rows = confidence.length;
  if (rows === 0) throw new RangeError("confidence: expected at least one row, got none");
  if (edgeCorrect.length !== rows || cloudCorrect.length !== rows) {
    const got = `${edgeCorrect.length} and ${cloudCorrect.length}`;
    throw new RangeError(`edgeCorrect and cloudCorrect: expected ${rows} rows each, got ${got}`);
  }
  const row = confidence.findIndex((value) => !(value < OFFLOAD_ALL));
  if (row >= 0) {
    throw new RangeError(`confidence: expected numbers below ${OFFLOAD_ALL}, got ${confidence[row]} in row ${row}`);
  }
}

function distinctCount(values: Float64Array, order: Uint32Array): number {
  let count = 1;
  for (let rank = 1; rank < order.length; rank++) if (values[order[rank]] !== values[order[rank - 1]]) count++;
  return count;
}

function emptyCurve(rows: number, points: number): AccuracyCurve {
  return {
    rows,
    thresholds: new Float64Array(points),
    offloaded: new Uint32Array(points),
    keptCorrect: new Uint32Array(points),
    correct: new Uint32Array(points),
  };
}

function setPoint(
  curve: AccuracyCurve,
  point: number,
  threshold: number,
  offloaded: number,
  keptCorrect: number,
  offloadedCorrect: number,
): void {
  curve.thresholds[point] = threshold;
  curve.offloaded[point] = offloaded;
  curve.keptCorrect[point] = keptCorrect;
  curve.correct[point] = keptCorrect + offloadedCorrect;
}
