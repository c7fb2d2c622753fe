// Labelled images in one file: a lossless mosaic, a hundred tiles wide, tile i labelled i % classes.
import path from "node:path";
import sharp from "sharp";
import type { LabelledImages } from "./labelled-images.ts";

export const MOSAIC_COLUMNS = 100;

interface TileSize {
  width: number;
  height: number;
}

/**
 * Decodes the whole file at once; images are views of it, uint8 [height, width, 3].
 *
 * @throws Error with one clear line when the file is unreadable or no mosaic of such tiles
 */
export async function readMosaic(file: string, tile: TileSize, classes: number): Promise<LabelledImages> {
  const { data, info } = await decode(file);
  const { width, height } = tile;
  if (info.width !== MOSAIC_COLUMNS * width || info.height % height !== 0 || info.channels !== 3) {
    const expected = `an RGB mosaic ${MOSAIC_COLUMNS * width} pixels wide in rows of ${height}`;
    throw new Error(`${file}: expected ${expected}, got ${info.width} x ${info.height} x ${info.channels}`);
  }
  const count = MOSAIC_COLUMNS * (info.height / height);
  const tiles = cutTiles(data, tile, count);
  const tileBytes = width * height * 3;
  return {
    count,
    labels: Int32Array.from({ length: count }, (_, index) => index % classes),
    name: path.basename(file),
    async read(index) {
      if (!(index >= 0 && index < count)) throw new RangeError(`index: expected 0 to ${count - 1}, got ${index}`);
      const pixels = tiles.subarray(index * tileBytes, (index + 1) * tileBytes);
      return { data: pixels, width, height, channels: 3, orientation: 1 };
    },
  };
}

async function decode(file: string) {
  try {
    // Profiles are ignored, as the Worker does.
    const options = { limitInputPixels: false, ignoreIcc: true };
    return await sharp(file, options).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  } catch (error) {
    throw new Error(`${file}: cannot be read as a mosaic (${(error as Error).message.trim()})`);
  }
}

/** Tile after tile, each in one piece. */
function cutTiles(mosaic: Uint8Array, { width, height }: TileSize, count: number): Uint8Array {
  const tiles = new Uint8Array(mosaic.length);
  const rowBytes = width * 3;
  const mosaicRowBytes = MOSAIC_COLUMNS * rowBytes;
  for (let index = 0; index < count; index++) {
    const left = (index % MOSAIC_COLUMNS) * rowBytes;
    const top = Math.floor(index / MOSAIC_COLUMNS) * height;
    for (let row = 0; row < height; row++) {
      const from = (top + row) * mosaicRowBytes + left;
      tiles.set(mosaic.subarray(from, from + rowBytes), (index * height + row) * rowBytes);
    }
  }
  return tiles;
}
