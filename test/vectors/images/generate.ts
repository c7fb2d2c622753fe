// Writes the pictures of this folder and `expected.json`, what they look like decoded: for lossless
// formats the SHA-256 of their RGBA pixels, for lossy ones the means of 4 x 4 cells. The expected
// pixels come from libvips, by sharp. Seeded; run it with: node test/vectors/images/generate.ts
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { cellMeans } from "./cell-means.ts";
import { encodePng, PNG_SIGNATURE, type PngPicture, pngChunk } from "./encode-png.ts";

const FOLDER = new URL("./", import.meta.url);
const WIDTH = 45;
const HEIGHT = 37;
const LARGE = { width: 4000, height: 3000 };

/** Colour types with the bits a sample may have. */
const PNG_LAYOUTS: readonly [PngPicture["colourType"], ...PngPicture["bits"][]][] = [
  [0, 1, 2, 4, 8, 16],
  [2, 8, 16],
  [3, 1, 2, 4, 8],
  [4, 8, 16],
  [6, 8, 16],
];
/** By colour type: one grey, one colour, or the opacities of a palette. */
const TRANSPARENCY: Record<number, Uint8Array> = {
  0: Uint8Array.of(0, 1),
  2: Uint8Array.of(0, 9, 0, 9, 0, 9),
  3: Uint8Array.of(0, 128),
};

type Expected = { width: number; height: number; orientation: number } & ({ sha256: string } | { cells: number[] });

const expected: Record<string, Expected> = {};
for (const folder of ["good", "bad"]) {
  rmSync(new URL(`${folder}/`, FOLDER), { recursive: true, force: true });
  mkdirSync(new URL(`${folder}/`, FOLDER));
}

await writeJpegs();
await writeWebps();
await writePngs();
await writeLarge();
await writeBad();
const lines = Object.entries(expected).map(([name, look]) => `"${name}": ${JSON.stringify(look)}`);
writeFileSync(new URL("expected.json", FOLDER), `{\n${lines.join(",\n")}\n}\n`);

async function writeJpegs(): Promise<void> {
  const rgb = sharp(await scene(3), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  const subsampled = { quality: 85, chromaSubsampling: "4:2:0" };
  await good("baseline.jpg", await rgb.clone().jpeg(subsampled).toBuffer());
  await good("baseline-444.jpg", await rgb.clone().jpeg({ quality: 85, chromaSubsampling: "4:4:4" }).toBuffer());
  await good(
    "progressive.jpg",
    await rgb
      .clone()
      .jpeg({ ...subsampled, progressive: true })
      .toBuffer(),
  );
  await good("grey.jpg", await rgb.clone().greyscale().jpeg({ quality: 85 }).toBuffer());
  const baseline = await rgb.clone().jpeg(subsampled).toBuffer();
  await good("trailing-bytes.jpg", Buffer.concat([baseline, Buffer.from("left by a camera after the end")]));
  const lying = Buffer.concat([exifSegment(Buffer.from("MM\0*\xff\xff\xff\xf0", "latin1"))]);
  await good("exif-beyond-its-end.jpg", Buffer.concat([baseline.subarray(0, 2), lying, baseline.subarray(2)]));
  const endless = exifSegment(Buffer.from("II*\0\b\0\0\0\xff\xff", "latin1"));
  await good("exif-without-entries.jpg", Buffer.concat([baseline.subarray(0, 2), endless, baseline.subarray(2)]));
  for (let orientation = 1; orientation <= 8; orientation++) {
    const turned = rgb
      .clone()
      .withMetadata({ orientation })
      .jpeg({ ...subsampled, quality: 50 });
    await good(`orientation-${orientation}.jpg`, await turned.toBuffer(), orientation);
  }
}

function exifSegment(tiff: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(2 + 6 + tiff.length);
  return Buffer.concat([Buffer.of(0xff, 0xe1), length, Buffer.from("Exif\0\0"), tiff]);
}

async function writeWebps(): Promise<void> {
  const rgb = sharp(await scene(3), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  const rgba = sharp(await scene(4), { raw: { width: WIDTH, height: HEIGHT, channels: 4 } });
  await good("lossy.webp", await rgb.clone().webp({ quality: 80 }).toBuffer());
  await good("lossless.webp", await rgb.clone().webp({ lossless: true }).toBuffer());
  await good("lossy-alpha.webp", await rgba.clone().webp({ quality: 80 }).toBuffer());
  await good("lossless-alpha.webp", await rgba.clone().webp({ lossless: true, exact: true }).toBuffer());
  await good("turned.webp", await rgb.clone().withMetadata({ orientation: 6 }).webp({ lossless: true }).toBuffer(), 6);
}

async function writePngs(): Promise<void> {
  const layouts = PNG_LAYOUTS.flatMap(([colourType, ...depths]) => depths.map((bits) => ({ colourType, bits })));
  for (const { colourType, bits } of layouts) {
    for (const interlaced of [false, true]) {
      const name = `type${colourType}-${bits}bit${interlaced ? "-interlaced" : ""}`;
      const picture = pngPicture(colourType, bits, interlaced);
      await good(`${name}.png`, encodePng(picture));
      const transparency = TRANSPARENCY[colourType];
      if (transparency) await good(`${name}-transparent.png`, encodePng({ ...picture, transparency }));
    }
  }
  const rgb = pngPicture(2, 8, false);
  await good("one-pixel.png", encodePng({ ...rgb, width: 1, height: 1 }));
  await good("three-pixels-interlaced.png", encodePng({ ...rgb, width: 3, height: 1, interlaced: true }));
  const picture = sharp(await scene(3), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  await good("turned.png", await picture.withMetadata({ orientation: 8 }).png().toBuffer(), 8);
  await good("animated.png", animated(encodePng({ ...rgb, width: 9, height: 7 })));
}

/** Samples that run through the whole range, with flat parts in which the transparent colours occur. */
function pngPicture(colourType: PngPicture["colourType"], bits: PngPicture["bits"], interlaced: boolean): PngPicture {
  const samples = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 }[colourType];
  const colours = 2 ** Math.min(bits, 8);
  const palette = Uint8Array.from({ length: 3 * colours }, (_, k) => (k * 83 + 7) & 255);
  const pixel = (x: number, y: number): number[] =>
    Array.from({ length: samples }, (_, s) => {
      if (x < 3) return y % 2 === 0 ? (colourType === 2 ? 9 : 1) : 0;
      return (x * (31 + 11 * s) + y * (17 + 5 * s) + (x * y * (1 + s) * 2 ** bits) / 300) & (2 ** bits - 1);
    });
  return { width: 19, height: 13, colourType, bits, interlaced, pixel, ...(colourType === 3 ? { palette } : {}) };
}

/** The same picture as the first of two frames, the second of which is not the picture of the file. */
function animated(png: Uint8Array): Uint8Array {
  const words = (...values: number[]) => Buffer.from(Uint32Array.from(values).buffer).swap32();
  const frame = (sequence: number) => Buffer.concat([words(sequence, 9, 7, 0, 0), Buffer.of(0, 1, 0, 10, 0, 0)]);
  const black = deflateSync(Buffer.alloc(7 * (1 + 9 * 3)));
  const afterHeader = 8 + 25;
  return Buffer.concat([
    png.subarray(0, afterHeader),
    pngChunk("acTL", words(2, 0)),
    pngChunk("fcTL", frame(0)),
    png.subarray(afterHeader, png.length - 12),
    pngChunk("fcTL", frame(1)),
    pngChunk("fdAT", Buffer.concat([words(2), black])),
    pngChunk("IEND", new Uint8Array()),
  ]);
}

/** Twelve megapixels each, as simple as their file is to be small: what a phone's camera takes. */
async function writeLarge(): Promise<void> {
  const blocks = sharp(Buffer.from([230, 40, 40, 30, 180, 60, 40, 60, 220, 240, 220, 30]), {
    raw: { width: 2, height: 2, channels: 3 },
  }).resize(LARGE.width, LARGE.height, { kernel: "nearest" });
  await good("large.jpg", await blocks.clone().jpeg({ quality: 50 }).toBuffer());
  await good("large.webp", await blocks.clone().webp({ quality: 50, effort: 0 }).toBuffer());
  await good("large.png", await blocks.clone().removeAlpha().png({ compressionLevel: 9 }).toBuffer());
}

async function writeBad(): Promise<void> {
  const rgb = sharp(await scene(3), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  bad("cmyk.jpg", await rgb.clone().toColourspace("cmyk").jpeg({ quality: 60 }).toBuffer());
  const baseline = await rgb.clone().jpeg({ quality: 60 }).toBuffer();
  bad("damaged.jpg", damaged(baseline));
  const progressive = rgb.clone().resize(LARGE).jpeg({ quality: 1, progressive: true, chromaSubsampling: "4:4:4" });
  // The beginning suffices: it is refused for its size.
  bad("large-progressive.jpg", (await progressive.toBuffer()).subarray(0, 2000));
  bad("animation.gif", await rgb.clone().gif({ colours: 8 }).toBuffer());
  const frames = [await rgb.clone().png().toBuffer(), await rgb.clone().negate().png().toBuffer()];
  bad(
    "animated.webp",
    await sharp(frames, { join: { animated: true } })
      .webp({ quality: 40 })
      .toBuffer(),
  );
  bad("bomb.png", encodeBomb(30_000));
}

/** Ones in the middle of its data: MozJPEG decodes it all the same. */
function damaged(jpeg: Buffer): Buffer {
  const copy = Buffer.from(jpeg);
  copy.fill(0xfe, Math.floor(jpeg.length * 0.7), Math.floor(jpeg.length * 0.75));
  return copy;
}

/** Says it is side x side pixels; of its rows only the first follow, which compress a thousandfold. */
function encodeBomb(side: number): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const rows = deflateSync(Buffer.alloc(4_000_000), { level: 9 });
  const end = pngChunk("IEND", new Uint8Array());
  return Buffer.concat([PNG_SIGNATURE, pngChunk("IHDR", header), pngChunk("IDAT", rows), end]);
}

/** A gradient, discs of strong colours and some noise; with a fourth channel, opacity that falls from left to right. */
async function scene(channels: 3 | 4): Promise<Buffer> {
  const data = Buffer.alloc(WIDTH * HEIGHT * channels);
  let seed = 20261120;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      const inDisc = Math.hypot(x - 14, y - 12) < 9;
      const inOther = Math.hypot(x - 32, y - 26) < 8;
      const base = inDisc ? [220, 40, 30] : inOther ? [20, 60, 210] : [x * 5, 90 + y * 4, 255 - x * 4];
      const pixel = base.map((value) => Math.min(255, Math.max(0, value + (seed >>> 28))));
      data.set(channels === 4 ? [...pixel, 255 - x * 5] : pixel, (y * WIDTH + x) * channels);
    }
  }
  return data;
}

async function good(name: string, bytes: Uint8Array, orientation = 1): Promise<void> {
  writeFileSync(new URL(`good/${name}`, FOLDER), bytes);
  const { data, info } = await sharp(bytes)
    .toColourspace("srgb")
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const isLossless = /\.png$|lossless|turned/.test(name);
  const look = isLossless
    ? { sha256: createHash("sha256").update(data).digest("hex") }
    : { cells: cellMeans({ data, width, height, channels }).map((mean) => Math.round(mean * 10) / 10) };
  expected[name] = { width, height, orientation, ...look };
}

function bad(name: string, bytes: Uint8Array): void {
  writeFileSync(new URL(`bad/${name}`, FOLDER), bytes);
}
