// Labelled images in one file: a lossless mosaic, a hundred tiles wide, tile i labelled i % classes.
import sharp from "sharp";

export const MOSAIC_COLUMNS = 100;

export interface Tiles {
  /** uint8 [count, height, width, 3]. */
  data: Uint8Array;
  count: number;
  width: number;
  height: number;
  labels: Int32Array;
}

/** @throws Error with one clear line when the file is unreadable or no mosaic of such tiles */
export async function readMosaic(
  file: string,
  tile: { width: number; height: number },
  classes: number,
): Promise<Tiles> {
  const { data, info } = await sharp(file, { limitInputPixels: false })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = tile;
  if (info.width !== MOSAIC_COLUMNS * width || info.height % height !== 0 || info.channels !== 3) {
    const expected = `an RGB mosaic ${MOSAIC_COLUMNS * width} pixels wide in rows of ${height}`;
    throw new Error(`${file}: expected ${expected}, got ${info.width} x ${info.height} x ${info.channels}`);
  }
  const count = MOSAIC_COLUMNS * (info.height / height);
  const tiles = new Uint8Array(data.length);
  const rowBytes = width * 3;
  for (let index = 0; index < count; index++) {
    const left = (index % MOSAIC_COLUMNS) * rowBytes;
    const top = Math.floor(index / MOSAIC_COLUMNS) * height;
    for (let row = 0; row < height; row++) {
      const from = (top + row) * info.width * 3 + left;
      tiles.set(data.subarray(from, from + rowBytes), (index * height + row) * rowBytes);
    }
  }
  const labels = Int32Array.from({ length: count }, (_, index) => index % classes);
  return { data: tiles, count, width, height, labels };
}

/** One tile, uint8 [height, width, 3], as a view. */
export function tileOf(tiles: Tiles, index: number): Uint8Array {
  const size = tiles.height * tiles.width * 3;
  return tiles.data.subarray(index * size, (index + 1) * size);
}
