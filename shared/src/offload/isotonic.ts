// Isotonic regression by pooling adjacent violators, in linear time.
// Ayer et al., Annals of Mathematical Statistics 1955.

/** One stretch of equal fitted values. */
export interface Block {
  /** Mean position of the stretch's points. */
  position: number;
  value: number;
  count: number;
}

/**
 * The non-increasing step function that fits best in least squares.
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
  const blocks: Block[] = [];
  for (const point of distinctPoints(positions, values)) {
    blocks.push(point);
    while (blocks.length > 1 && blocks[blocks.length - 2].value <= blocks[blocks.length - 1].value) {
      pool(blocks[blocks.length - 2], blocks.pop() as Block);
    }
  }
  return blocks;
}

/** One block for each distinct position, in rising position. */
function distinctPoints(positions: ArrayLike<number>, values: ArrayLike<number>): Block[] {
  const order = Array.from({ length: positions.length }, (_, row) => row).sort((a, b) => positions[a] - positions[b]);
  const points: Block[] = [];
  for (const row of order) {
    if (Number.isNaN(positions[row]) || Number.isNaN(values[row])) throw new RangeError(`row ${row}: got NaN`);
    const point = { position: positions[row], value: values[row], count: 1 };
    const last = points.at(-1);
    if (last?.position === point.position) pool(last, point);
    else points.push(point);
  }
  return points;
}

/** Takes `right` into `left`: counts add, positions and values average. */
export function pool(left: Block, right: Block): void {
  const count = left.count + right.count;
  left.position += (right.position - left.position) * (right.count / count);
  left.value += (right.value - left.value) * (right.count / count);
  left.count = count;
}
