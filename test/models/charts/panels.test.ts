import { describe, expect, it, vi } from "vitest";
import type { Line, LineChart } from "../../../models/src/charts/lines.ts";
import { panels } from "../../../models/src/charts/panels.ts";
import { renderSvg } from "../../../models/src/charts/render.ts";
import { PALETTE } from "../../../models/src/charts/theme.ts";
import { layersOf, textsOf } from "./svg.ts";

const lineOf = (name: string): Line => ({ name, points: [1, 2].map((x) => ({ x, y: x })) });
const chartOf = (title: string, lines: readonly Line[]): LineChart => ({
  title,
  x: { title: "x" },
  y: { title: "y" },
  lines,
});
const sizeOf = (svg: string) => (/width="(\d+)" height="(\d+)"/.exec(svg) ?? []).slice(1).map(Number);

describe("panels", () => {
  it("shows each chart's title, and each name once, in one colour", async () => {
    const warning = vi.spyOn(console, "warn").mockReturnValue();
    const svg = await renderSvg(
      panels(
        "All of them",
        [chartOf("first", [lineOf("a"), lineOf("b")]), chartOf("second", [lineOf("c"), lineOf("b")])],
        2,
      ),
    );
    expect(warning).not.toHaveBeenCalled();
    const texts = textsOf(svg);
    expect(texts).toEqual(expect.arrayContaining(["All of them", "first", "second"]));
    expect(texts.filter((text) => ["a", "b", "c"].includes(text))).toEqual(["a", "b", "c"]);
    const colors = layersOf(svg, "line")
      .flat()
      .map((path) => /stroke="([^"]*)"/.exec(path)?.[1]);
    expect(colors).toEqual([PALETTE[0], PALETTE[1], PALETTE[2], PALETTE[1]]);
  });

  it("draws a line of one point in one chart beside its like in another", async () => {
    const short = { ...lineOf("a"), points: [{ x: 1, y: 1 }] };
    const svg = await renderSvg(panels("uneven", [chartOf("one", [short]), chartOf("two", [lineOf("a")])], 2));
    expect(layersOf(svg, "symbol").flat()).toHaveLength(1);
    expect(layersOf(svg, "line").flat()).toHaveLength(1);
    expect(textsOf(svg).filter((text) => text === "a")).toHaveLength(1);
  });

  it("fills the columns told, row by row", async () => {
    const six = "abcdef".split("").map((title) => chartOf(title, [lineOf("line")]));
    const [wide, low] = sizeOf(await renderSvg(panels("six", six, 3)));
    const [narrow, high] = sizeOf(await renderSvg(panels("six", six, 2)));
    const [sameWidth, sameHeight] = sizeOf(await renderSvg(panels("six", six.slice(0, 3), 99)));
    expect(wide).toBeGreaterThan(narrow);
    expect(low).toBeLessThan(high);
    expect(sameWidth).toBe(wide);
    expect(sameHeight).toBeLessThan(low);
  });

  it("refuses no charts, no columns, a chart that cannot be drawn, and a name in two styles", () => {
    const chart = chartOf("one", [lineOf("a")]);
    expect(() => panels("none", [], 2)).toThrow(new RangeError("none: expected at least one chart, got none"));
    expect(() => panels("no columns", [chart], 0)).toThrow(
      new RangeError("no columns: expected at least 1 column, got 0"),
    );
    expect(() => panels("half", [chart], 1.5)).toThrow("expected at least 1 column, got 1.5");
    expect(() => panels("empty", [chart, chartOf("two", [])], 2)).toThrow("two: expected at least one line, got none");
    const dashed = chartOf("two", [{ ...lineOf("a"), style: "dashed" }]);
    expect(() => panels("mixed", [chart, dashed], 2)).toThrow(
      "a: expected one style in all charts, got solid and dashed",
    );
  });
});
