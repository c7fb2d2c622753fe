// Pictures for benchmarks: smooth shapes under sensor noise, so that they compress like photographs.
import sharp from "sharp";

/** Raw RGB of a seeded scene. */
function scene(width: number, height: number, seed: number): Buffer {
  const data = Buffer.alloc(width * height * 3);
  let state = seed >>> 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const noise = (state >>> 28) - 8;
      const wave = Math.sin((x / width) * 9 + seed) + Math.cos((y / height) * 7 - seed) + Math.sin((x + y) / 37);
      const at = (y * width + x) * 3;
      data[at] = clamp(128 + 40 * wave + noise);
      data[at + 1] = clamp(128 + 30 * Math.sin(wave * 2) + noise);
      data[at + 2] = clamp(128 - 40 * wave + noise);
    }
  }
  return data;
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, value));
}

export async function jpegPicture(width: number, height: number, seed = 1): Promise<Uint8Array<ArrayBuffer>> {
  const raw = { width, height, channels: 3 } as const;
  return new Uint8Array(
    await sharp(scene(width, height, seed), { raw })
      .jpeg({ quality: 85 })
      .toBuffer(),
  );
}

/** uint8 [height, width, 3] as PNG. */
export async function pngOf(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await sharp(rgb, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer(),
  );
}
