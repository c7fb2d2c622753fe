// One look for all charts: the palette of Okabe and Ito, which colour-blind readers can tell apart
// (Color Universal Design, 2008), on white with a light grid, in one font and one locale.
import type { Config } from "vega-lite";
import { FONT_FAMILY, wrapText } from "./font.ts";

/** Strong on white first; yellow, the weakest, last. */
export const PALETTE = [
  "#0072B2",
  "#D55E00",
  "#009E73",
  "#CC79A7",
  "#E69F00",
  "#56B4E9",
  "#000000",
  "#F0E442",
] as const;

export const INK = "#222222";
export const FAINT_INK = "#595959";
const GRID = "#E4E4E4";

/** The plot of a single chart, which with title, axes and legend comes to about 640 x 420. */
export const PLOT = { width: 560, height: 300 } as const;

export const FONT_SIZE = { title: 16, subtitle: 12, panelTitle: 13, axisTitle: 12, label: 11, legend: 12 } as const;

export const THEME: Config = {
  background: "#FFFFFF",
  padding: 14,
  font: FONT_FAMILY,
  // Numbers are written alike whatever the process' own locale is.
  locale: { number: { decimal: ".", thousands: ",", grouping: [3], currency: ["$", ""] } },
  view: { stroke: null },
  // Axes and legends keep their texts for screen readers; one for each point would be most of the file.
  mark: { aria: false },
  point: { opacity: 1 },
  axis: {
    domainColor: FAINT_INK,
    tickColor: FAINT_INK,
    tickSize: 4,
    gridColor: GRID,
    labelColor: INK,
    labelFontSize: FONT_SIZE.label,
    labelFlush: false,
    labelLimit: 0,
    labelPadding: 4,
    labelOverlap: "greedy",
    labelSeparation: 6,
    titleColor: INK,
    titleFontSize: FONT_SIZE.axisTitle,
    titleFontWeight: "normal",
    titlePadding: 10,
    titleLimit: 0,
  },
  legend: {
    orient: "bottom",
    title: null,
    labelColor: INK,
    labelFontSize: FONT_SIZE.legend,
    labelLimit: 0,
    symbolSize: 320,
    symbolStrokeWidth: 2.2,
    columnPadding: 20,
    rowPadding: 2,
    offset: 14,
    symbolLimit: 0,
  },
  title: {
    anchor: "start",
    frame: "bounds",
    color: INK,
    fontSize: FONT_SIZE.title,
    fontWeight: "bold",
    limit: 0,
    offset: 14,
    subtitleColor: FAINT_INK,
    subtitleFontSize: FONT_SIZE.subtitle,
    subtitlePadding: 6,
  },
};

/** A title, and a line below it, both broken where the chart ends. */
export function titleOf(text: string, subtitle: string | undefined, width: number) {
  const lines = wrapText(text, width, FONT_SIZE.title, "bold");
  if (subtitle === undefined) return { text: lines };
  return { text: lines, subtitle: wrapText(subtitle, width, FONT_SIZE.subtitle) };
}

/** The title of one panel among several. */
export function panelTitleOf(text: string, subtitle: string | undefined, width: number) {
  const title = {
    ...titleOf(text, subtitle, width),
    fontSize: FONT_SIZE.panelTitle,
    frame: "group",
    offset: 8,
  } as const;
  return { ...title, text: wrapText(text, width, FONT_SIZE.panelTitle, "bold") };
}
