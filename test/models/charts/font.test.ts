import { Resvg } from "@resvg/resvg-js";
import { describe, expect, it } from "vitest";
import { fontFile, textWidth, wrapText } from "../../../models/src/charts/font.ts";

/** The width that the rasterizer draws; twice the text less once takes away the margins of its first and last letter. */
function drawnWidth(text: string, weight: "normal" | "bold"): number {
  const edge = (times: number) => {
    const content = `<text font-family="DejaVu Sans" font-weight="${weight}" font-size="100" y="200">${text.repeat(times)}</text>`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9000" height="300">${content}</svg>`;
    const font = { loadSystemFonts: false, fontFiles: [fontFile("normal"), fontFile("bold")] };
    return new Resvg(svg, { font }).getBBox()?.width ?? 0;
  };
  return edge(2) - edge(1);
}

describe("textWidth", () => {
  it("knows the font's own advances, in 2,048ths of its size", () => {
    expect(textWidth("A", 2048)).toBe(1401);
    expect(textWidth(" ", 2048)).toBe(651);
    expect(textWidth("A", 2048, "bold")).toBe(1585);
    expect(textWidth("\u2212", 2048)).toBe(1716);
    expect(textWidth("\u{1F600}", 2048)).toBe(2135);
  });

  it.each(["normal", "bold"] as const)("is what the rasterizer draws, in %s", (weight) => {
    for (const text of ["H0123456789", "nuances", "é÷Ω×"]) {
      expect(textWidth(text, 100, weight)).toBeCloseTo(drawnWidth(text, weight), 0);
    }
  });

  it("takes the box's width for what the font has not, and none for nothing", () => {
    expect(textWidth("\u6f22", 10)).toBe(textWidth("\uffff", 10));
    expect(textWidth("\u6f22", 10)).toBeGreaterThan(0);
    expect(textWidth("", 10)).toBe(0);
  });
});

describe("wrapText", () => {
  const exact = textWidth("one two", 12);

  it("breaks where the next word would not fit, and not at the limit", () => {
    expect(wrapText("one two three", exact, 12)).toEqual(["one two", "three"]);
    expect(wrapText("one two three", exact - 0.01, 12)).toEqual(["one", "two", "three"]);
  });

  it("leaves a word whole that is longer than a line", () => {
    expect(wrapText("a incomprehensibilities b", 20, 12)).toEqual(["a", "incomprehensibilities", "b"]);
    expect(wrapText("", 20, 12)).toEqual([""]);
  });
});
