// The offload metric: how much accuracy asking the cloud is expected to gain, as a function of
// the edge's confidence. After Qiu et al., "Adaptive Edge Offloading for Image Classification
// Under Rate Limit" (EMSOFT 2022), with a monotone fit: being surer never makes asking worthier.
import { type Block, fitNonIncreasing, pool } from "../calibration/isotonic.ts";
import type { MetricTable } from "../schema/calibration.ts";

/** Rows that a knot of the table averages at least: the ends of an isotonic fit are otherwise single rows. */
const MIN_ROWS_PER_KNOT = 25;

/**
 * Fits E[edge loss - cloud loss | confidence] as a falling table.
 *
 * @param confidence [rows], of the edge's final answer
 * @param gain [rows], edge loss minus cloud loss of the same image; in [-1, 1] for 0/1 loss
 */
export function fitMetric(confidence: ArrayLike<number>, gain: ArrayLike<number>): MetricTable {
  const blocks = poolSmall(fitNonIncreasing(confidence, gain));
  return { confidence: blocks.map((block) => block.position), gain: blocks.map((block) => block.value) };
}

/**
 * Expected gain at a confidence: linear between knots, constant beyond the first and the last.
 * Binary search, O(log knots).
 *
 * @throws RangeError for NaN
 */
export function applyMetric(table: MetricTable, confidence: number): number {
  if (Number.isNaN(confidence)) throw new RangeError("confidence: expected a number, got NaN");
  const { confidence: knots, gain } = table;
  let low = 0;
  let high = knots.length - 1;
  if (confidence <= knots[low]) return gain[low];
  if (confidence >= knots[high]) return gain[high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (knots[middle] <= confidence) low = middle;
    else high = middle;
  }
  const share = (confidence - knots[low]) / (knots[high] - knots[low]);
  return gain[low] + share * (gain[high] - gain[low]);
}

/** Joins neighbours until each block has enough rows; their means stay in order. */
function poolSmall(blocks: readonly Block[]): Block[] {
  const pooled: Block[] = [];
  for (const block of blocks) {
    const last = pooled.at(-1);
    if (last === undefined || last.count >= MIN_ROWS_PER_KNOT) pooled.push({ ...block });
    else pool(last, block);
  }
  if (pooled.length > 1 && pooled[pooled.length - 1].count < MIN_ROWS_PER_KNOT) {
    const small = pooled.pop() as Block;
    pool(pooled[pooled.length - 1], small);
  }
  return pooled;
}
