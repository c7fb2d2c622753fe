// Large pictures with what makes shrinking hard: smooth shades, sensor noise, and small black letters.
import sharp, { type Sharp } from "sharp";

/** A shaded scene with some noise, one corner of it with much, another a page of letters. */
export function drawnPicture(width: number, height: number): Sharp {
  const data = Buffer.alloc(width * height * 3);
  let state = 7;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      const isPage = x * 2 >= width && y * 2 >= height;
      const level = isPage ? letterLevel(x, y) : sceneLevel(x / width, y / height, state / 2 ** 32 - 0.5);
      for (let channel = 0; channel < 3; channel++) data[at++] = Math.max(0, Math.min(255, level + 5 * channel));
    }
  }
  return sharp(data, { raw: { width, height, channels: 3 } });
}

function sceneLevel(x: number, y: number, noise: number): number {
  const shade = Math.sin(x * 9) / 2 + Math.cos(y * 7) / 2 + Math.sin((x + y) * 40) / 4;
  return 128 + 60 * shade + noise * (x < 0.25 && y < 0.25 ? 256 : 16);
}

/** Light paper, and in half of its cells of 16 x 32 pixels a dark block of 9 x 22. */
function letterLevel(x: number, y: number): number {
  const cell = Math.imul(Math.imul(x >> 4, 73856093) ^ Math.imul(y >> 5, 19349663), 2654435761) >>> 31;
  return cell === 1 && (x & 15) < 9 && (y & 31) < 22 ? 10 : 245;
}
