import { afterEach, beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { type Line, type LineChart, lineChart } from "../../../models/src/charts/lines.ts";
import { renderSvg } from "../../../models/src/charts/render.ts";
import { PALETTE } from "../../../models/src/charts/theme.ts";
import { layersOf, pointsOf, textsOf } from "./svg.ts";

const rising: Line = { name: "rising", points: [1, 2, 3].map((x) => ({ x, y: 10 * x })) };
const falling: Line = { name: "falling", points: [1, 2, 3].map((x) => ({ x, y: 40 - 10 * x })) };
const chartOf = (lines: readonly Line[], more: Partial<LineChart> = {}): LineChart => ({
  title: "Made-up numbers",
  x: { title: "the abscissa" },
  y: { title: "the ordinate" },
  lines,
  ...more,
});
const svgOf = (lines: readonly Line[], more: Partial<LineChart> = {}) => renderSvg(lineChart(chartOf(lines, more)));
const colorOf = (path: string) => /stroke="([^"]*)"/.exec(path)?.[1];

describe("lineChart", () => {
  let warning: MockInstance;
  beforeEach(() => {
    warning = vi.spyOn(console, "warn").mockReturnValue();
  });
  // Vega warns of what it leaves out or takes otherwise than it was meant.
  afterEach(() => expect(warning).not.toHaveBeenCalled());

  it("shows titles, names and round ticks, and a line in its colour for each name", async () => {
    const svg = await svgOf([rising, falling], { subtitle: "of nothing" });
    const texts = textsOf(svg);
    expect(texts).toEqual(expect.arrayContaining(["Made-up numbers", "of nothing", "the abscissa", "the ordinate"]));
    expect(texts).toEqual(expect.arrayContaining(["rising", "falling", "10", "20", "30"]));
    const lines = layersOf(svg, "line").flat();
    expect(lines.map(colorOf)).toEqual([PALETTE[0], PALETTE[1]]);
    expect(lines.map(pointsOf)).toEqual([3, 3]);
  });

  it("is about 640 x 420 with one row in its legend", async () => {
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(await svgOf([rising, falling])) ?? [];
    expect(Math.abs(Number(width) - 640)).toBeLessThan(30);
    expect(Math.abs(Number(height) - 420)).toBeLessThan(30);
  });

  it("draws dashes, and dots for points and for a line of one point", async () => {
    const svg = await svgOf([
      { ...rising, style: "dashed" },
      { ...falling, style: "points" },
      { name: "alone", points: [{ x: 2, y: 3 }] },
    ]);
    expect(layersOf(svg, "line").flat()).toEqual([expect.stringContaining('stroke-dasharray="6,4"')]);
    expect(layersOf(svg, "symbol").flat()).toHaveLength(4);
    expect(textsOf(svg)).toContain("alone");
  });

  it("joins points in the order given, and tells the ninth line from the first by its dots", async () => {
    const loop: Line = { name: "loop", points: [3, 1, 2].map((x) => ({ x, y: x === 1 ? 20 : 10 })) };
    const nine = [loop, ..."abcdefgh"].map((line) => (typeof line === "string" ? { ...rising, name: line } : line));
    const lines = layersOf(await svgOf(nine, { y: { title: "y", domain: [10, 20] } }), "line").flat();
    expect(lines[0]).toContain('d="M560,300L0,0L280,300"');
    expect(colorOf(lines[8])).toBe(colorOf(lines[0]));
    expect(lines[0]).toContain('stroke-dasharray="1,0"');
    expect(lines[8]).toContain('stroke-dasharray="2,2"');
  });

  it("draws a band in its line's colour where there is one, and makes room for it", async () => {
    const band = {
      ...falling,
      points: falling.points.map((point) => ({ ...point, low: point.y - 50, high: point.y + 5 })),
    };
    const svg = await svgOf([rising, band]);
    const areas = layersOf(svg, "area").flat();
    expect(areas).toEqual([expect.stringContaining(`fill="${PALETTE[1]}"`)]);
    expect(textsOf(svg)).toContain("−40");
    expect(textsOf(svg).filter((text) => text === "falling")).toHaveLength(1);
  });

  it("leaves a band open where it is not told", async () => {
    const points = [1, 2, 3, 4, 5].map((x) => (x === 3 ? { x, y: 5 } : { x, y: 5, low: 4, high: 6 }));
    const [band] = layersOf(await svgOf([{ name: "open", points }]), "area").flat();
    expect(band.match(/M/g)).toHaveLength(2);
  });

  it("takes the domain told, and cuts off what lies outside", async () => {
    const domain: [number, number] = [0, 20];
    const svg = await svgOf([rising], { y: { title: "cut", domain } });
    expect(textsOf(svg)).toEqual(expect.arrayContaining(["0", "20"]));
    expect(textsOf(svg)).not.toContain("30");
    expect(svg).toMatch(/<clipPath id="clip1">/);
    expect(await svgOf([rising])).not.toContain("clipPath");
  });

  it("formats ticks, and has decades on a log axis", async () => {
    const line: Line = {
      name: "line",
      points: [
        { x: 1, y: 0.25 },
        { x: 10_000, y: 0.75 },
      ],
    };
    const texts = textsOf(await svgOf([line], { x: { title: "x", scale: "log" }, y: { title: "y", format: ".0%" } }));
    expect(texts).toEqual(expect.arrayContaining(["1", "10", "100", "1,000", "10,000", "30%", "70%"]));
  });

  it("puts a single value in the middle, on either scale", async () => {
    const alone: Line = { name: "alone", points: [{ x: 5, y: 0 }] };
    const svg = await svgOf([alone], { x: { title: "x", scale: "log", domain: [1, 25] } });
    expect(layersOf(svg, "symbol").flat()).toEqual([expect.stringContaining("translate(280,150)")]);
  });

  it("thins a long line, and no other", async () => {
    const long: Line = { name: "long", points: Array.from({ length: 5000 }, (_, x) => ({ x, y: (x * 7) % 11 })) };
    const short: Line = { name: "short", points: long.points.slice(0, 500) };
    const [thinned, whole] = layersOf(await svgOf([long, short]), "line")
      .flat()
      .map(pointsOf);
    expect(thinned).toBeLessThanOrEqual(500);
    expect(whole).toBe(500);
  });

  it("thins by what is seen on a log axis: the first decade stays", async () => {
    const jumps = Array.from({ length: 9999 }, (_, index) => ({ x: index + 1, y: (index * 7) % 11 }));
    const svg = await svgOf([{ name: "jumps", points: jumps }], { x: { title: "x", scale: "log" } });
    const path = / d="([^"]*)"/.exec(layersOf(svg, "line").flat()[0])?.[1] ?? "";
    const inFirstDecade = path
      .split(/[ML]/)
      .slice(1)
      .filter((point) => Number(point.split(",")[0]) <= 140);
    expect(inFirstDecade).toHaveLength(10);
  });

  it("breaks long titles, and gives long names fewer columns", async () => {
    const words = Array.from({ length: 30 }, (_, index) => `word${index}`).join(" ");
    const svg = await svgOf(
      [rising, falling].map((line) => ({ ...line, name: `${line.name} ${"w".repeat(40)}` })),
      {
        title: words,
        y: { title: words },
      },
    );
    expect(Number(/width="(\d+)"/.exec(svg)?.[1])).toBeLessThan(720);
    expect(svg.match(/<tspan/g)?.length).toBeGreaterThan(4);
  });

  it("refuses what cannot be drawn", () => {
    const point = { x: 1, y: 1 };
    const refused = (line: Partial<Line>, more: Partial<LineChart> = {}) =>
      expect(() => lineChart(chartOf([{ ...rising, ...line }], more)));
    expect(() => lineChart(chartOf([]))).toThrow(
      new RangeError("Made-up numbers: expected at least one line, got none"),
    );
    expect(() => lineChart(chartOf([rising, rising]))).toThrow(
      "expected a name of its own for each line, got rising,rising",
    );
    refused({ points: [] }).toThrow(new RangeError("Made-up numbers: rising: expected at least one point, got none"));
    refused({ points: [point, { x: 1, y: Number.NaN }] }).toThrow(
      "rising: point 1: y: expected a finite number, got NaN",
    );
    refused({ points: [{ x: Number.POSITIVE_INFINITY, y: 1 }] }).toThrow("x: expected a finite number, got Infinity");
    refused({ points: [{ ...point, low: 0 }] }).toThrow("high: expected a finite number, got undefined");
    refused({ points: [{ ...point, low: 2, high: 1 }] }).toThrow("expected low <= high, got 2 and 1");
    refused({ points: [{ x: 0, y: 1 }] }, { x: { title: "x", scale: "log" } }).toThrow(
      "expected a positive number on a log",
    );
    refused({}, { x: { title: "x", domain: [1, 1] } }).toThrow(
      "expected a domain of two rising finite numbers, got 1,1",
    );
    refused({}, { y: { title: "y", scale: "log", domain: [0, 1] } }).toThrow(
      "expected a positive domain on a log scale",
    );
  });
});
