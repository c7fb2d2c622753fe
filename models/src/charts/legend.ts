// One legend for lines and dots: each name has its colour, its dash and its mark, in the order given.
import { textWidth } from "./font.ts";
import type { Line } from "./lines.ts";
import { FONT_SIZE, PALETTE } from "./theme.ts";

/**
 * Symbols as SVG paths in the box of 2 x 2 where Vega expects them. All are as high, the stroke by two specks that
 * draw nothing: rows and labels are placed by the height.
 */
export const SYMBOLS = {
  stroke: "M-1,0L1,0M0,-0.4L0,-0.4M0,0.4L0,0.4",
  dot: "M0.4,0A0.4,0.4,0,1,1,-0.4,0A0.4,0.4,0,1,1,0.4,0Z",
  box: "M-0.4,-0.4L0.4,-0.4L0.4,0.4L-0.4,0.4Z",
} as const;

export const SOLID = [1, 0];
export const DASHED = [6, 4];
/** Sets the ninth line and those after it apart from the first ones in the same colours. */
const DOTTED = [2, 2];

/** Room of a symbol and of the gap between two columns. */
const BESIDE_LABEL = 46;

/** A line of one point can only be seen as a dot. */
export function isDots({ style, points }: Line): boolean {
  return style === "points" || points.length === 1;
}

export function hasBand({ points }: Line): boolean {
  return points.some((point) => point.low !== undefined);
}

/** The channels that tell lines apart, with one legend below a chart so wide; `shape` must be on a point mark. */
export function lineChannels(lines: readonly Line[], width: number) {
  const domain = lines.map((line) => line.name);
  const legend = { columns: Math.min(lines.length, columnsOf(domain, width)) };
  const channel = <Value>(rangeOf: (line: Line, index: number) => Value) => {
    return { field: "name", type: "nominal" as const, scale: { domain, range: lines.map(rangeOf) }, legend };
  };
  return { stroke: channel(colorOf), strokeDash: channel(dashOf), shape: channel(shapeOf) };
}

/** How many columns of the legend fit. */
export function columnsOf(names: readonly string[], width: number): number {
  const widest = Math.max(...names.map((name) => textWidth(name, FONT_SIZE.legend)));
  return Math.max(1, Math.floor(width / (widest + BESIDE_LABEL)));
}

function colorOf(_line: Line, index: number): string {
  return PALETTE[index % PALETTE.length];
}

function shapeOf(line: Line): string {
  return isDots(line) ? SYMBOLS.dot : SYMBOLS.stroke;
}

function dashOf(line: Line, index: number): number[] {
  if (isDots(line)) return SOLID;
  if (line.style === "dashed") return DASHED;
  return index < PALETTE.length ? SOLID : DOTTED;
}
