// A picture in 48 numbers: the mean red, green and blue of each cell of a 4 x 4 grid. The generator
// and the tests compute it alike, one from libvips' pixels, the other from ours.

const CELLS = 4;

export interface Rgba {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  channels: number;
}

/** [row, column, colour], opacity left out. Every cell must hold a pixel: at least 4 x 4 of them. */
export function cellMeans({ data, width, height, channels }: Rgba): number[] {
  const sums = new Float64Array(CELLS * CELLS * 3);
  const counts = new Float64Array(CELLS * CELLS);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const cell = Math.floor((y * CELLS) / height) * CELLS + Math.floor((x * CELLS) / width);
      counts[cell]++;
      for (let colour = 0; colour < 3; colour++) sums[3 * cell + colour] += data[(y * width + x) * channels + colour];
    }
  }
  return Array.from(sums, (sum, k) => sum / counts[Math.floor(k / 3)]);
}
