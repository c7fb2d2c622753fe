// Reliability diagrams side by side: how often the model is right, bin by bin of its confidence,
// and under each how many predictions a bin holds. DeGroot and Fienberg, 1983; Guo et al., ICML 2017.
import type { TopLevelSpec } from "vega-lite";
import { binBars, binHistogram, shareChannel } from "./bin-histogram.ts";
import { checkReliabilityPanel } from "./check-reliability.ts";
import { columnsOf, DASHED, SOLID, SYMBOLS } from "./legend.ts";
import type { LayeredPlot } from "./render.ts";
import { FAINT_INK, PALETTE, panelTitleOf, titleOf } from "./theme.ts";

export interface ReliabilityBin {
  /** Of the confidences in it, in [0, 1]. */
  lower: number;
  upper: number;
  count: number;
  /** Mean confidence and share of right answers; null in an empty bin. */
  confidence: number | null;
  accuracy: number | null;
}

export interface ReliabilityPanel {
  title: string;
  bins: readonly ReliabilityBin[];
  /** Expected calibration error, in [0, 1]. */
  ece: number;
}

const WIDTH = 360;
const HEIGHT = 300;
/** What a bin's count, one line of text on its end, needs beside it. */
const LEAST_BIN_PIXELS = 13;

const [, VERMILLION, GREEN, , , SKY_BLUE] = PALETTE;
const PARTS = {
  accuracy: { name: "accuracy", fill: SKY_BLUE, stroke: SKY_BLUE, shape: SYMBOLS.box, dash: SOLID },
  above: { name: "gap: overconfident", fill: "#F6D3BA", stroke: VERMILLION, shape: SYMBOLS.box, dash: SOLID },
  below: { name: "gap: underconfident", fill: "#B5E2D4", stroke: GREEN, shape: SYMBOLS.box, dash: SOLID },
  diagonal: {
    name: "perfect calibration",
    fill: "transparent",
    stroke: FAINT_INK,
    shape: SYMBOLS.stroke,
    dash: DASHED,
  },
} as const;

/**
 * One diagram a panel, before and after for instance. A bin's gap is drawn from its accuracy to its mean
 * confidence, so that the gaps, weighted by the counts below, add up to the ECE.
 * @throws RangeError for no panels, no bins, a bin less than 0.01 wide, or one that contradicts itself
 */
export function reliabilityDiagram(title: string, panels: readonly ReliabilityPanel[]): TopLevelSpec {
  if (panels.length === 0) throw new RangeError(`${title}: expected at least one panel, got none`);
  for (const panel of panels) checkReliabilityPanel(panel);
  const bins = panels.flatMap((panel) => panel.bins);
  const narrowest = Math.min(...bins.map(({ lower, upper }) => upper - lower));
  const width = Math.max(WIDTH, Math.ceil(LEAST_BIN_PIXELS / narrowest));
  const greatest = Math.max(1, ...bins.map((bin) => bin.count));
  const channels = partChannels(panels.length * width + 60);
  return {
    title: titleOf(title, undefined, panels.length * width),
    columns: panels.length,
    spacing: { row: 14, column: 30 },
    concat: [
      ...panels.map((panel) => diagram(panel, width, channels)),
      ...panels.map((panel) => binHistogram(panel.bins, width, greatest)),
    ],
    resolve: { scale: { fill: "shared", stroke: "shared", strokeDash: "shared", shape: "shared" } },
  };
}

function diagram(
  { title, bins, ece }: ReliabilityPanel,
  width: number,
  channels: ReturnType<typeof partChannels>,
): LayeredPlot {
  const ends = [0, 1].map((end) => ({ part: PARTS.diagonal.name, lower: end, from: end }));
  const { fill, stroke, strokeDash } = channels;
  return {
    title: panelTitleOf(`${title}: ECE ${(100 * ece).toFixed(2)} %`, undefined, width),
    width,
    height: HEIGHT,
    encoding: { x: shareChannel("lower", null), y: shareChannel("from", "accuracy") },
    layer: [
      binBars(bins.flatMap(accuracyOf), { fill, stroke }),
      binBars(bins.flatMap(gapOf), { fill, stroke }),
      { data: { values: ends }, mark: { type: "line", strokeWidth: 1.5 }, encoding: { stroke, strokeDash } },
      // Draws nothing: the legend takes its symbols from a mark with a shape.
      { data: { values: [] }, mark: { type: "point" }, encoding: channels },
    ],
  };
}

function accuracyOf({ lower, upper, accuracy }: ReliabilityBin) {
  return accuracy === null ? [] : [{ part: PARTS.accuracy.name, lower, upper, from: 0, to: accuracy }];
}

function gapOf({ lower, upper, accuracy, confidence }: ReliabilityBin) {
  if (accuracy === null || confidence === null || accuracy === confidence) return [];
  const { name } = confidence > accuracy ? PARTS.above : PARTS.below;
  return [{ part: name, lower, upper, from: accuracy, to: confidence }];
}

function partChannels(width: number) {
  const parts = Object.values(PARTS);
  const domain = parts.map((part) => part.name);
  const legend = { columns: Math.min(parts.length, columnsOf(domain, width)) };
  const channel = <Value>(range: Value[]) => ({
    field: "part",
    type: "nominal" as const,
    scale: { domain, range },
    legend,
  });
  return {
    fill: channel(parts.map((part) => part.fill)),
    stroke: channel(parts.map((part) => part.stroke)),
    strokeDash: channel(parts.map((part) => [...part.dash])),
    shape: channel(parts.map((part) => part.shape)),
  };
}
