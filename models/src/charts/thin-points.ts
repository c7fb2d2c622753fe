// The points of a line that are drawn: a long line is thinned by what can be seen at the scales of its plot.
import { hasBand, isDots } from "./legend.ts";
import type { Axis, Line, Point } from "./lines.ts";
import { type Curve, thinDots, thinLine } from "./thin.ts";

/** From where to where an axis runs. */
export interface Extent {
  scale: "linear" | "log";
  domain: [number, number];
}

/** The domain told, or one that holds all values; a single value is put in its middle. */
export function extentOf(values: readonly number[], { scale = "linear", domain }: Axis): Extent {
  if (domain !== undefined) return { scale, domain: [...domain] };
  const [least, greatest] = [-1, 1].map(
    (sign) => sign * values.reduce((most, value) => Math.max(most, sign * value), -Infinity),
  );
  if (least < greatest) return { scale, domain: [least, greatest] };
  const margin = Math.abs(least) / 2 || 0.5;
  return { scale, domain: scale === "log" ? [least / 2, least * 2] : [least - margin, least + margin] };
}

export function thinPoints(line: Line, x: Extent, y: Extent): Point[] {
  const { points } = line;
  const xs = sharesOf(points, x, (point) => point.x);
  const edge = (valueAt: (point: Point) => number): Curve => ({ x: xs, y: sharesOf(points, y, valueAt) });
  const curves = [edge((point) => point.y)];
  if (isDots(line)) return thinDots(curves[0]).map((index) => points[index]);
  if (hasBand(line)) {
    curves.push(
      edge(({ y, low = y }) => low),
      edge(({ y, high = y }) => high),
    );
  }
  return thinLine(curves).map((index) => points[index]);
}

/** Where points lie on an axis, in shares of it; what is far outside counts as just outside. */
function sharesOf(
  points: readonly Point[],
  { scale, domain }: Extent,
  valueAt: (point: Point) => number,
): Float64Array {
  const place = scale === "log" ? Math.log : (value: number) => value;
  const [from, to] = domain.map(place);
  return Float64Array.from(points, (point) => Math.min(2, Math.max(-1, (place(valueAt(point)) - from) / (to - from))));
}
