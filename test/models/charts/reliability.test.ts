import { describe, expect, it, vi } from "vitest";
import { textWidth } from "../../../models/src/charts/font.ts";
import {
  type ReliabilityBin,
  type ReliabilityPanel,
  reliabilityDiagram,
} from "../../../models/src/charts/reliability.ts";
import { renderSvg } from "../../../models/src/charts/render.ts";
import { layersOf, textsOf } from "./svg.ts";

/** Equal bins of such counts; accuracy is 0.1 above the confidence in even ones, and below it in odd ones. */
function panelOf(counts: readonly number[], title = "before"): ReliabilityPanel {
  const bins = counts.map((count, index): ReliabilityBin => {
    const [lower, upper] = [index / counts.length, (index + 1) / counts.length];
    const confidence = (lower + upper) / 2;
    const accuracy = Math.min(1, Math.max(0, confidence + (index % 2 === 0 ? 0.1 : -0.1)));
    return { lower, upper, count, confidence: count > 0 ? confidence : null, accuracy: count > 0 ? accuracy : null };
  });
  return { title, bins, ece: 0.08125 };
}
const COUNTS = [0, 0, 3, 17, 88, 120, 340, 990, 1234, 2345, 4567, 8000, 9999, 45_678, 123_456];
const rectangles = async (panels: readonly ReliabilityPanel[]) =>
  layersOf(await renderSvg(reliabilityDiagram("made up", panels)), "rect").map((paths) => paths.length);

describe("reliabilityDiagram", () => {
  it("shows titles, the ECE and each bin's count", async () => {
    const warning = vi.spyOn(console, "warn").mockReturnValue();
    const after = { ...panelOf(COUNTS.toReversed(), "after"), ece: 0 };
    const texts = textsOf(await renderSvg(reliabilityDiagram("made up", [panelOf(COUNTS), after])));
    expect(warning).not.toHaveBeenCalled();
    expect(texts).toEqual(expect.arrayContaining(["made up", "before: ECE 8.13 %", "after: ECE 0.00 %"]));
    const shown = COUNTS.map((count) => count.toLocaleString("en-US"));
    expect(texts.join(" ")).toContain(shown.join(" "));
    expect(texts.join(" ")).toContain(shown.toReversed().join(" "));
  });

  it("has a bar, a gap and a bar of the count for each bin that is not empty", async () => {
    expect(await rectangles([panelOf(COUNTS)])).toEqual([13, 13, 13]);
    expect(await rectangles([panelOf([5, 0, 5]), panelOf([1, 1, 1])])).toEqual([2, 2, 3, 3, 2, 3]);
    expect(await rectangles([panelOf([0, 0])])).toEqual([0, 0, 0]);
  });

  it("shades gaps above and below otherwise, and no gap where there is none", async () => {
    const [low, high, exact] = panelOf([1, 1, 1]).bins;
    const bins = [low, high, { ...exact, accuracy: exact.confidence }];
    const svg = await renderSvg(reliabilityDiagram("made up", [{ title: "panel", bins, ece: 0.1 }]));
    const gaps = layersOf(svg, "rect")[1];
    expect(gaps).toEqual([expect.stringContaining("#009E73"), expect.stringContaining("#D55E00")]);
  });

  it("reaches as high as the accuracy, and draws the diagonal from corner to corner", async () => {
    const bins = [{ lower: 0, upper: 0.5, count: 4, confidence: 0.5, accuracy: 0.25 }];
    const svg = await renderSvg(reliabilityDiagram("made up", [{ title: "panel", bins, ece: 0.25 }]));
    const [accuracy, gap] = layersOf(svg, "rect").flat();
    expect(accuracy).toContain('d="M1,225h178v75h-178Z"');
    expect(gap).toContain('d="M1,150h178v75h-178Z"');
    expect(layersOf(svg, "line").flat()).toEqual([expect.stringContaining('d="M0,300L360,0"')]);
  });

  it("turns counts upright where they are wider than their bin, and widens for many bins", async () => {
    const svgOf = (counts: readonly number[]) => renderSvg(reliabilityDiagram("made up", [panelOf(counts)]));
    const countTexts = (svg: string) => layersOf(svg, "text").flat();
    expect(countTexts(await svgOf([1, 20])).join()).not.toContain("rotate");
    expect(countTexts(await svgOf(COUNTS)).filter((text) => text.includes("rotate(270)"))).toHaveLength(15);
    const widthOf = (svg: string) => Number(/width="(\d+)"/.exec(svg)?.[1]);
    const hundred = await svgOf(Array.from({ length: 100 }, (_, index) => index));
    expect(widthOf(hundred)).toBeGreaterThan(1300);
    expect(widthOf(await svgOf(COUNTS))).toBeLessThan(480);
  });

  it("leaves room above the highest bar for its count", async () => {
    const svg = await renderSvg(reliabilityDiagram("made up", [panelOf(COUNTS)]));
    const heights = layersOf(svg, "text")
      .flat()
      .map((text) => Number(/translate\([^,]*,([^)]*)\)/.exec(text)?.[1]));
    expect(Math.min(...heights)).toBeGreaterThan(textWidth("123,456", 10) + 4);
  });

  it("refuses what contradicts itself", () => {
    const bin: ReliabilityBin = { lower: 0, upper: 0.5, count: 4, confidence: 0.5, accuracy: 0.25 };
    const refused = (change: Partial<ReliabilityBin>) =>
      expect(() => reliabilityDiagram("made up", [{ title: "panel", bins: [{ ...bin, ...change }], ece: 0 }]));
    expect(() => reliabilityDiagram("none", [])).toThrow(new RangeError("none: expected at least one panel, got none"));
    expect(() => reliabilityDiagram("x", [{ title: "p", bins: [], ece: 0 }])).toThrow("p: expected at least one bin");
    expect(() => reliabilityDiagram("x", [{ ...panelOf([1]), ece: 1.01 }])).toThrow(
      "expected an ECE in [0, 1], got 1.01",
    );
    expect(() => reliabilityDiagram("x", [{ ...panelOf([1]), ece: Number.NaN }])).toThrow("got NaN");
    refused({ accuracy: 1 }).not.toThrow();
    refused({ accuracy: 1.001 }).toThrow(
      new RangeError("panel: bin 0: accuracy: expected [0, 1] for 4 rows, got 1.001"),
    );
    refused({ confidence: Number.NaN }).toThrow("confidence: expected [0, 1] for 4 rows, got NaN");
    refused({ accuracy: null }).toThrow("accuracy: expected [0, 1] for 4 rows, got null");
    refused({ count: 0 }).toThrow("confidence: expected null for 0 rows, got 0.5");
    refused({ count: 1.5 }).toThrow("expected a count, got 1.5");
    refused({ count: -1 }).toThrow("expected a count, got -1");
    refused({ lower: 0.5 }).toThrow("expected 0 <= lower < upper <= 1, got 0.5 and 0.5");
    refused({ upper: 1.1 }).toThrow("expected 0 <= lower < upper <= 1, got 0 and 1.1");
    refused({ upper: 0.01 }).not.toThrow();
    refused({ upper: 0.0099 }).toThrow("expected a width of 0.01, got 0.0099");
  });
});
