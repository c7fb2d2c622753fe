// Draws a Vega-Lite chart as SVG or PNG, the same bytes on every machine.
// Vega is loaded when the first chart is drawn: it takes longer than all the rest of the program.
import path from "node:path";
import type { TopLevelSpec } from "vega-lite";
import { writeWhole } from "../result-output.ts";
import { FONT_FAMILY, fontFile, textWidth } from "./font.ts";
import { THEME } from "./theme.ts";

/** A plot of layers, by itself or one of several in a chart. */
export type LayeredPlot = Extract<Extract<TopLevelSpec, { concat: unknown }>["concat"][number], { layer: unknown }>;

const PNG_SCALE = 2;

/** What Vega asks the width of; it leaves out what has its default. */
interface TextItem {
  fontSize?: number;
  fontWeight?: string | number;
  limit?: number;
}

let lastDrawing: Promise<unknown> = Promise.resolve();

/**
 * The chart as an SVG document, its texts in DejaVu Sans.
 * One is drawn after the other: Vega numbers what it clips with a counter that all charts share.
 */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const drawing = lastDrawing.then(() => draw(spec));
  lastDrawing = drawing.catch(() => undefined);
  return drawing;
}

/**
 * Writes the chart to a file: an .svg, or a .png with two pixels for each of the SVG's.
 * @throws Error with one clear line for any other extension, before anything is drawn, and for a file that cannot be
 *   written
 */
export async function writeChart(file: string, spec: TopLevelSpec): Promise<void> {
  const extension = path.extname(file).toLowerCase();
  if (extension !== ".svg" && extension !== ".png") {
    throw new Error(`${file}: expected a file name that ends in .svg or .png, got "${extension}"`);
  }
  const svg = await renderSvg(spec);
  await writeWhole(file, extension === ".svg" ? svg : await rasterize(svg));
}

async function draw(spec: TopLevelSpec): Promise<string> {
  const [vega, vegaLite] = await Promise.all([import("vega"), import("vega-lite")]);
  const { textMetrics } = vega as unknown as { textMetrics: { width(item: TextItem, text: string): number } };
  // Vega's own hook for hosts without a canvas, missing from its types.
  textMetrics.width = measure;
  const view = new vega.View(vega.parse(vegaLite.compile(spec, { config: THEME }).spec), {
    renderer: "none",
    logLevel: vega.Warn,
  });
  try {
    vega.resetSVGDefIds();
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function measure({ fontSize = 11, fontWeight, limit = 0 }: TextItem, text: string): number {
  const isBold = fontWeight === "bold" || Number(fontWeight) >= 600;
  const width = textWidth(String(text ?? ""), fontSize, isBold ? "bold" : "normal");
  return limit > 0 ? Math.min(width, limit) : width;
}

async function rasterize(svg: string): Promise<Uint8Array> {
  const { renderAsync } = await import("@resvg/resvg-js");
  const image = await renderAsync(svg, {
    fitTo: { mode: "zoom", value: PNG_SCALE },
    font: {
      loadSystemFonts: false,
      fontFiles: [fontFile("normal"), fontFile("bold")],
      defaultFontFamily: FONT_FAMILY.split(",")[0],
    },
  });
  return image.asPng();
}
