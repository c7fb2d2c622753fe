// A mosaic is cut into labelled tiles, or refused in one line.
import sharp from "sharp";
import { expect, test } from "vitest";
import { MOSAIC_COLUMNS, readMosaic } from "../../../models/src/images/mosaic.ts";
import { noise, pictureOf, temporaryFolder, writeAt } from "./picture-folder.ts";

const TILE = { width: 3, height: 2 };
const ROWS = 2;
const folder = temporaryFolder();

async function write(name: string, width: number, height: number, pixel: (x: number, y: number) => number[]) {
  const rgb = new Uint8Array(width * height * 3);
  for (let k = 0; k < width * height; k++) rgb.set(pixel(k % width, Math.floor(k / width)), k * 3);
  return writeAt(folder, name, await pictureOf(rgb, width, height).webp({ lossless: true }).toBuffer());
}

const numberOf = (x: number, y: number) => Math.floor(y / TILE.height) * MOSAIC_COLUMNS + Math.floor(x / TILE.width);
const writeGood = () =>
  write("good.webp", MOSAIC_COLUMNS * TILE.width, ROWS * TILE.height, (x, y) => [
    numberOf(x, y),
    x % TILE.width,
    y % TILE.height,
  ]);

test("cuts tiles left to right, top to bottom, and labels them in turn", async () => {
  const images = await readMosaic(await writeGood(), TILE, 7);
  expect(images).toMatchObject({ count: ROWS * MOSAIC_COLUMNS, name: "good.webp" });
  for (const index of [0, 1, 99, 100, 199]) {
    const expected = [0, 1].flatMap((y) => [0, 1, 2].flatMap((x) => [index, x, y]));
    const { data, ...rest } = await images.read(index);
    expect(Array.from(data)).toEqual(expected);
    expect(rest).toEqual({ width: 3, height: 2, channels: 3, orientation: 1 });
    expect(images.labels[index]).toBe(index % 7);
  }
});

test("keeps the samples of a mosaic with a colour profile", async () => {
  const rgb = noise(MOSAIC_COLUMNS * TILE.width * TILE.height * 3);
  const mosaic = pictureOf(rgb, MOSAIC_COLUMNS * TILE.width, TILE.height).withIccProfile("p3");
  const bytes = await mosaic.png().toBuffer();
  const stored = await sharp(bytes, { ignoreIcc: true }).raw().toBuffer();
  const { data } = await (await readMosaic(writeAt(folder, "p3.png", bytes), TILE, 7)).read(0);
  expect([...data.subarray(0, 9)]).toEqual([...stored.subarray(0, 9)]);
  expect([...data.subarray(0, 9)]).not.toEqual([...rgb.subarray(0, 9)]);
});

test.each([-1, 200, Number.NaN])("has no image %d", async (index) => {
  const images = await readMosaic(await writeGood(), TILE, 7);
  await expect(images.read(index)).rejects.toThrow(new RangeError(`index: expected 0 to 199, got ${index}`));
});

test.each([
  ["too narrow", MOSAIC_COLUMNS * TILE.width - 3, 2],
  ["part of a row", MOSAIC_COLUMNS * TILE.width, 3],
])("%s: one line that names the file", async (_name, width, height) => {
  const file = await write("bad.webp", width, height, () => [0, 0, 0]);
  await expect(readMosaic(file, TILE, 10)).rejects.toThrow(`${file}: expected an RGB mosaic`);
});

test("what is no picture is refused in one line", async () => {
  const file = writeAt(folder, "notes.webp", "no picture");
  await expect(readMosaic(file, TILE, 10)).rejects.toThrow(/notes\.webp: cannot be read as a mosaic \([^\n]+\)$/);
});
