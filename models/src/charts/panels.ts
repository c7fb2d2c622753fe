// Several charts of lines side by side, with one legend below them all.
import type { TopLevelSpec } from "vega-lite";
import { checkLineChart } from "./check-lines.ts";
import { lineChannels } from "./legend.ts";
import { type Line, type LineChart, linePlot } from "./lines.ts";
import { PLOT, panelTitleOf, titleOf } from "./theme.ts";

/** Room of an axis and the gap between two plots. */
const BESIDE_PLOT = 80;

/**
 * Small multiples in reading order; a name has one colour and one style in all of them.
 * @param columns a whole number of at least 1
 * @throws RangeError for no charts, wrong columns, a name in two styles, and as `lineChart` does
 */
export function panels(title: string, charts: readonly LineChart[], columns: number): TopLevelSpec {
  if (charts.length === 0) throw new RangeError(`${title}: expected at least one chart, got none`);
  if (!Number.isInteger(columns) || columns < 1)
    throw new RangeError(`${title}: expected at least 1 column, got ${columns}`);
  for (const chart of charts) checkLineChart(chart);
  const columnsUsed = Math.min(columns, charts.length);
  const size = plotSize(columnsUsed);
  const width = columnsUsed * (size.width + BESIDE_PLOT);
  const channels = lineChannels(linesOfAll(title, charts), width);
  return {
    title: titleOf(title, undefined, width),
    columns,
    spacing: { row: 26, column: 26 },
    concat: charts.map((chart) => ({
      title: panelTitleOf(chart.title, chart.subtitle, size.width),
      ...linePlot(chart, size, channels),
    })),
    resolve: { scale: { stroke: "shared", strokeDash: "shared", shape: "shared" } },
  };
}

/** Alone as large as a chart of its own, else smaller, in the same proportion. */
function plotSize(columns: number) {
  if (columns === 1) return PLOT;
  return columns === 2 ? { width: 340, height: 210 } : { width: 260, height: 180 };
}

/** The longest line of each name, in order: one that is a single point elsewhere is a short stroke there. */
function linesOfAll(title: string, charts: readonly LineChart[]): Line[] {
  const byName = new Map<string, Line>();
  for (const line of charts.flatMap((chart) => chart.lines)) {
    const known = byName.get(line.name) ?? line;
    const [style, other] = [known.style ?? "solid", line.style ?? "solid"];
    if (style !== other) {
      throw new RangeError(`${title}: ${line.name}: expected one style in all charts, got ${style} and ${other}`);
    }
    byName.set(line.name, line.points.length > known.points.length ? line : known);
  }
  return [...byName.values()];
}
