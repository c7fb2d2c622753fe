// Thins a long line to the points that draw its shape, so that a chart stays small.

export const MOST_POINTS = 500;

/** A line as drawn, or one edge of its band: coordinates in shares of the plot, so that both axes count alike. */
export interface Curve {
  x: ArrayLike<number>;
  y: ArrayLike<number>;
}

/** A point nearer than this to the line without it, a tenth of a pixel in a plot of 560, would not be seen. */
const VISIBLE = 1 / 5600;

/**
 * Indices, rising, of at most so many points: those without which the line would look different; of a line with
 * more of them, noise for instance, what it covers. O(most * n) at worst.
 *
 * @param curves one or more of equal length; a point is kept for any of them
 */
export function thinLine(curves: readonly Curve[], most = MOST_POINTS): number[] {
  const { length } = curves[0].x;
  if (length <= most) return Array.from({ length }, (_, index) => index);
  return simplify(curves, most) ?? cover(curves, most);
}

/** Indices, rising, of at most so many of the dots: evenly taken, with those at the four edges. */
export function thinDots({ x, y }: Curve, most = MOST_POINTS): number[] {
  const { length } = x;
  if (length <= most) return Array.from({ length }, (_, index) => index);
  const edges = rising([...extremes(x, 0, length), ...extremes(y, 0, length)]);
  const even = most - edges.length;
  return rising([...edges, ...Array.from({ length: even }, (_, step) => Math.floor((step * length) / even))]);
}

/**
 * Ramer, Douglas and Peucker's rule: a straight line does for a stretch from which no point is visibly far; else the
 * farthest point parts it. Null once that takes too many points.
 */
function simplify(curves: readonly Curve[], most: number): number[] | null {
  const kept = [0];
  const ends = [curves[0].x.length - 1];
  while (ends.length > 0) {
    const first = kept[kept.length - 1];
    const last = ends[ends.length - 1];
    const farthest = farthestBetween(curves, first, last);
    if (farthest !== null) ends.push(farthest);
    else kept.push(...ends.splice(-1));
    if (kept.length + ends.length > most) return null;
  }
  return kept;
}

function farthestBetween(curves: readonly Curve[], first: number, last: number): number | null {
  let farthest = null;
  let distance = VISIBLE;
  for (const curve of curves) {
    for (let index = first + 1; index < last; index++) {
      const candidate = distanceToChord(curve, first, last, index);
      if (candidate <= distance) continue;
      farthest = index;
      distance = candidate;
    }
  }
  return farthest;
}

/** The lowest and the highest point of each of many columns, equally wide along x, and the ends. */
function cover(curves: readonly Curve[], most: number): number[] {
  const { x } = curves[0];
  const travelled = new Float64Array(x.length);
  for (let index = 1; index < x.length; index++) {
    travelled[index] = travelled[index - 1] + Math.abs(x[index] - x[index - 1]);
  }
  // A line that turns back has its ends along x anywhere.
  const kept = [0, x.length - 1, ...extremes(x, 0, x.length)];
  const columns = Math.floor((most - kept.length) / (2 * curves.length));
  const perColumn = travelled[x.length - 1] / columns || 1;
  for (let first = 0, next = 0; first < x.length; first = next) {
    const column = columnOf(travelled[first]);
    while (next < x.length && columnOf(travelled[next]) === column) next++;
    kept.push(...curves.flatMap((curve) => extremes(curve.y, first, next)));
  }
  return rising(kept);

  function columnOf(distance: number): number {
    return Math.min(columns - 1, Math.floor(distance / perColumn));
  }
}

/** From a point to the straight line between two others, not past its ends. */
function distanceToChord({ x, y }: Curve, first: number, last: number, index: number): number {
  const chordX = x[last] - x[first];
  const chordY = y[last] - y[first];
  const squaredLength = chordX ** 2 + chordY ** 2;
  const along = (x[index] - x[first]) * chordX + (y[index] - y[first]) * chordY;
  const share = squaredLength === 0 ? 0 : Math.min(1, Math.max(0, along / squaredLength));
  return Math.hypot(x[index] - x[first] - share * chordX, y[index] - y[first] - share * chordY);
}

/** Where the least and the greatest of a stretch of values are, the first of equals. */
function extremes(values: ArrayLike<number>, start: number, end: number): [number, number] {
  let least = start;
  let greatest = start;
  for (let index = start + 1; index < end; index++) {
    if (values[index] < values[least]) least = index;
    if (values[index] > values[greatest]) greatest = index;
  }
  return [least, greatest];
}

function rising(indices: readonly number[]): number[] {
  return [...new Set(indices)].sort((a, b) => a - b);
}
