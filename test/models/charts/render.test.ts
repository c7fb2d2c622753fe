import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp, { type Region } from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type LineChart, lineChart } from "../../../models/src/charts/lines.ts";
import { renderSvg, writeChart } from "../../../models/src/charts/render.ts";

const chart: LineChart = {
  title: "A title that is there",
  x: { title: "x", domain: [0, 1] },
  y: { title: "y" },
  lines: [{ name: "<a & b>", points: [-1, 0, 1, 2].map((x) => ({ x, y: x * x })) }],
};
const sizeOf = (svg: string) => (/width="(\d+)" height="(\d+)"/.exec(svg) ?? []).slice(1).map(Number);

describe("renderSvg", () => {
  it("draws the same bytes twice, one after the other or at once", async () => {
    const first = await renderSvg(lineChart(chart));
    expect(first).toContain("clip1");
    expect(await renderSvg(lineChart(chart))).toBe(first);
    const both = await Promise.all([renderSvg(lineChart(chart)), renderSvg(lineChart(chart))]);
    expect(both).toEqual([first, first]);
  });

  it("writes texts so that XML holds them, in the font that a PNG has", async () => {
    const svg = await renderSvg(lineChart(chart));
    expect(svg).toContain(">&lt;a &amp; b&gt;</text>");
    const fonts = new Set([...svg.matchAll(/font-family="([^"]*)"/g)].map(([, font]) => font));
    expect([...fonts]).toEqual(["DejaVu Sans, Verdana, sans-serif"]);
  });

  it("goes on after a chart that fails", async () => {
    const broken = renderSvg({ mark: "no such mark" } as never);
    const sound = renderSvg(lineChart(chart));
    await expect(broken).rejects.toThrow();
    expect(await sound).toContain("A title that is there");
  });
});

describe("writeChart", () => {
  it("names the file that cannot be written in one line", async () => {
    const file = path.join(tmpdir(), "spillway-no-such-folder/chart.svg");
    await expect(writeChart(file, lineChart(chart))).rejects.toThrow(new Error(`${file}: cannot be written (ENOENT)`));
  });

  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "charts-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("writes an SVG as drawn", async () => {
    const file = path.join(folder, "chart.svg");
    await writeChart(file, lineChart(chart));
    expect(await readFile(file, "utf8")).toBe(await renderSvg(lineChart(chart)));
  });

  it("writes a PNG of twice the size, with its texts drawn, and the same twice", async () => {
    const [file, again] = ["chart.PNG", "again.png"].map((name) => path.join(folder, name));
    await writeChart(file, lineChart(chart));
    await writeChart(again, lineChart(chart));
    const png = await readFile(file);
    expect(png.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect(await readFile(again)).toEqual(png);
    const [width, height] = sizeOf(await renderSvg(lineChart(chart)));
    expect(await sharp(png).metadata()).toMatchObject({ width: 2 * width, height: 2 * height });
    // The title begins at the padding, 14 pixels from both edges.
    const title = await darkShare(png, { left: 28, top: 28, width: 300, height: 32 });
    expect(title).toBeGreaterThan(0.1);
    expect(title).toBeLessThan(0.6);
    expect(await darkShare(png, { left: 0, top: 0, width: 2 * width, height: 26 })).toBe(0);
  });

  it("refuses another extension in one line, and writes nothing", async () => {
    for (const name of ["chart.jpg", "chart", "chart.png.txt"]) {
      const file = path.join(folder, "none", name);
      const extension = path.extname(name);
      await expect(writeChart(file, lineChart(chart))).rejects.toThrow(
        new Error(`${file}: expected a file name that ends in .svg or .png, got "${extension}"`),
      );
    }
    expect(await readdir(folder)).not.toContain("none");
  });
});

async function darkShare(png: Buffer, area: Region): Promise<number> {
  const pixels = await sharp(png).extract(area).greyscale().raw().toBuffer();
  return pixels.filter((value) => value < 100).length / pixels.length;
}
