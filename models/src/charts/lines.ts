// A chart of lines, dots and bands over two numbers.
import type { TopLevelSpec } from "vega-lite";
import { checkLineChart } from "./check-lines.ts";
import { wrapText } from "./font.ts";
import { hasBand, isDots, lineChannels } from "./legend.ts";
import type { LayeredPlot } from "./render.ts";
import { FONT_SIZE, PLOT, titleOf } from "./theme.ts";
import { type Extent, extentOf, thinPoints } from "./thin-points.ts";

export interface Point {
  x: number;
  y: number;
  /** Both or neither: the band about the line here, which goes from left to right and may have gaps. */
  low?: number;
  high?: number;
}

export interface Line {
  /** Told in the legend; each line of a chart has its own. */
  name: string;
  /** Joined in the order given. */
  points: readonly Point[];
  /** Solid unless told; `points` are dots that nothing joins. */
  style?: "solid" | "dashed" | "points";
}

export interface Axis {
  title: string;
  /** Of D3, such as `.0%`. */
  format?: string;
  scale?: "linear" | "log";
  /** What lies outside is cut off. Unless told, all points and round ends. */
  domain?: [number, number];
}

export interface LineChart {
  title: string;
  subtitle?: string;
  x: Axis;
  y: Axis;
  lines: readonly Line[];
}

/** Pixels of the plot alone. */
export interface PlotSize {
  width: number;
  height: number;
}

/**
 * One chart, about 640 x 420, its legend below. A line of more than 500 points is thinned to what can be seen.
 * @throws RangeError for no lines, an empty line, two of one name, or what is not finite, or not positive on a log scale
 */
export function lineChart(chart: LineChart): TopLevelSpec {
  checkLineChart(chart);
  const channels = lineChannels(chart.lines, PLOT.width + 60);
  return {
    title: titleOf(chart.title, chart.subtitle, PLOT.width + 40),
    ...linePlot(chart, PLOT, channels),
  };
}

/** The plot of a checked chart without its title. */
export function linePlot(chart: LineChart, size: PlotSize, channels: ReturnType<typeof lineChannels>): LayeredPlot {
  const values = chart.lines.flatMap(({ points }) => points);
  const x = extentOf(
    values.map((point) => point.x),
    chart.x,
  );
  const y = extentOf(
    values.flatMap(({ y, low = y, high = y }) => [y, low, high]),
    chart.y,
  );
  const thinned = chart.lines.map((line) => ({ ...line, points: thinPoints(line, x, y) }));
  const clip = chart.x.domain !== undefined || chart.y.domain !== undefined;
  const yChannel = positionOf("y", chart.y, y, size.height);
  const { stroke, strokeDash, shape } = channels;
  const { domain: names, range } = stroke.scale;
  return {
    ...size,
    encoding: { x: positionOf("x", chart.x, x, size.width), y: yChannel },
    layer: [
      ...thinned.filter(hasBand).map((line) => ({
        data: rowsOf([line]),
        // A color told here, not by a scale, keeps bands out of the legend.
        mark: { type: "area" as const, fill: range[names.indexOf(line.name)], opacity: 0.18, clip },
        encoding: { y: { ...yChannel, field: "low" }, y2: { field: "high" } },
      })),
      {
        data: rowsOf(thinned.filter((line) => !isDots(line))),
        mark: { type: "line", strokeWidth: 2.2, clip },
        encoding: { stroke, strokeDash, order: { field: "order", type: "quantitative" } },
      },
      {
        data: rowsOf(thinned.filter(isDots)),
        mark: { type: "point", size: 280, strokeWidth: 2, clip },
        encoding: { stroke, strokeDash, shape },
      },
    ],
  };
}

/** An axis of the plot, its ends at ticks unless the chart says where it ends. */
function positionOf(field: "x" | "y", axis: Axis, { scale, domain }: Extent, pixels: number) {
  const tickCount = Math.round(pixels / (field === "x" ? 75 : 50));
  return {
    field,
    type: "quantitative" as const,
    stack: null,
    axis: {
      title: wrapText(axis.title, pixels, FONT_SIZE.axisTitle),
      tickCount,
      ...(axis.format !== undefined && { format: axis.format }),
    },
    scale: { type: scale, domain, nice: axis.domain === undefined && tickCount },
  };
}

function rowsOf(lines: readonly Line[]) {
  return { values: lines.flatMap(({ name, points }) => points.map((point, order) => ({ name, order, ...point }))) };
}
