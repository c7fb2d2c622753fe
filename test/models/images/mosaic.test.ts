import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MOSAIC_COLUMNS, readMosaic, tileOf } from "../../../models/src/images/mosaic.ts";

const TILE = { width: 3, height: 2 };
const ROWS = 2;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "spillway-mosaic-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, width: number, height: number, pixel: (x: number, y: number) => number[]) {
  const data = Uint8Array.from({ length: width * height }, (_, k) => k).length;
  const rgb = new Uint8Array(data * 3);
  for (let k = 0; k < data; k++) rgb.set(pixel(k % width, Math.floor(k / width)), k * 3);
  const file = path.join(folder, name);
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .webp({ lossless: true })
    .toFile(file);
  return file;
}

test("cuts tiles left to right, top to bottom, and labels them in turn", async () => {
  const numberOf = (x: number, y: number) => Math.floor(y / TILE.height) * MOSAIC_COLUMNS + Math.floor(x / TILE.width);
  const file = await write("good.webp", MOSAIC_COLUMNS * TILE.width, ROWS * TILE.height, (x, y) => [
    numberOf(x, y),
    x % TILE.width,
    y % TILE.height,
  ]);
  const tiles = await readMosaic(file, TILE, 7);
  expect(tiles.count).toBe(ROWS * MOSAIC_COLUMNS);
  for (const index of [0, 1, 99, 100, 199]) {
    const expected = [0, 1].flatMap((y) => [0, 1, 2].flatMap((x) => [index, x, y]));
    expect(Array.from(tileOf(tiles, index))).toEqual(expected);
    expect(tiles.labels[index]).toBe(index % 7);
  }
});

test.each([
  ["too narrow", MOSAIC_COLUMNS * TILE.width - 3, 2],
  ["part of a row", MOSAIC_COLUMNS * TILE.width, 3],
])("%s: one line that names the file", async (_name, width, height) => {
  const file = await write("bad.webp", width, height, () => [0, 0, 0]);
  await expect(readMosaic(file, TILE, 10)).rejects.toThrow(`${file}: expected an RGB mosaic`);
});
