// How many predictions each bin of confidence holds, with the count on every bar, an empty one's too.
import { textWidth } from "./font.ts";
import type { ReliabilityBin } from "./reliability.ts";
import type { LayeredPlot } from "./render.ts";
import { INK } from "./theme.ts";

const HEIGHT = 130;
const COUNT_SIZE = 10;
const BAR_COLOR = "#9A9A9A";

/** @param greatest count that the axis holds, of all the histograms that are compared */
export function binHistogram(bins: readonly ReliabilityBin[], width: number, greatest: number): LayeredPlot {
  const values = bins.map(({ lower, upper, count }) => {
    return { lower, upper, middle: (lower + upper) / 2, from: 0, to: count, label: count.toLocaleString("en-US") };
  });
  const longest = Math.max(...values.map(({ label }) => textWidth(label, COUNT_SIZE)));
  const narrowest = Math.min(...bins.map(({ lower, upper }) => width * (upper - lower)));
  const isUpright = longest + 4 > narrowest;
  const upright = { angle: 270, align: "left", baseline: "middle", dx: 4 } as const;
  const level = { align: "center", baseline: "bottom", dy: -3 } as const;
  // Above the highest bar its own count must still have room.
  const room = 8 + (isUpright ? longest : COUNT_SIZE);
  return {
    width,
    height: HEIGHT,
    encoding: {
      x: shareChannel("lower", "confidence"),
      y: {
        field: "from",
        type: "quantitative",
        axis: { title: "predictions", labels: false, ticks: false, grid: false },
        scale: { domain: [0, (greatest * HEIGHT) / (HEIGHT - room)], nice: false },
      },
    },
    layer: [
      binBars(
        values.filter((value) => value.to > 0),
        { fill: { value: BAR_COLOR }, stroke: { value: BAR_COLOR } },
      ),
      {
        data: { values },
        mark: { type: "text", fontSize: COUNT_SIZE, color: INK, ...(isUpright ? upright : level) },
        encoding: {
          x: shareChannel("middle", "confidence"),
          y: { field: "to", type: "quantitative" },
          text: { field: "label" },
        },
      },
    ],
  };
}

/** A bar a bin, the width of the bin less a gap to the next. */
export function binBars<Bar extends { lower: number; upper: number; from: number; to: number }, Colors extends object>(
  values: Bar[],
  colors: Colors,
) {
  return {
    data: { values },
    mark: { type: "rect" as const, strokeWidth: 1, xOffset: 1, x2Offset: -1 },
    encoding: { x2: { field: "upper" }, y2: { field: "to" }, ...colors },
  };
}

/** An axis from 0 to 1. */
export function shareChannel(field: string, title: string | null) {
  return {
    field,
    type: "quantitative" as const,
    axis: { title, tickCount: 5, format: ".1f" },
    scale: { domain: [0, 1], nice: false },
  };
}
