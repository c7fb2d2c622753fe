// The pictures of test/vectors/images. workerd has no files: vite puts them into the tests as data URLs.
/// <reference types="vite/client" />
import { withDecodedImage } from "../../../edge-worker/src/image/decode.ts";
import type { ImageFailure } from "../../../edge-worker/src/image/failure.ts";
import { type ImageHeader, readImageHeader } from "../../../edge-worker/src/image/header.ts";
import { cellMeans } from "../../vectors/images/cell-means.ts";
import expected from "../../vectors/images/expected.json";

const FOLDER = "../../vectors/images/";
const urls = import.meta.glob<string>("../../vectors/images/*/*.{jpg,png,webp,gif}", {
  query: "?inline",
  import: "default",
  eager: true,
});

/** What the generator, by libvips, says of a picture. */
export interface Expected {
  width: number;
  height: number;
  orientation: number;
  /** Of the RGBA pixels; for lossless formats. */
  sha256?: string;
  /** Means of 4 x 4 cells; for lossy formats. */
  cells?: number[];
}

export const goodPictures: [name: string, expected: Expected][] = Object.entries(expected);
export const smallPictures = goodPictures.filter(([name]) => !name.startsWith("large"));

export const good = (name: string): Uint8Array => read(`good/${name}`);
export const bad = (name: string): Uint8Array => read(`bad/${name}`);

function read(path: string): Uint8Array {
  const base64 = urls[FOLDER + path].split(",")[1];
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** The header of a picture that has one. */
export function headerOf(bytes: Uint8Array): ImageHeader {
  const header = readImageHeader(bytes);
  if ("reason" in header) throw new Error(header.detail);
  return header;
}

export interface Decoded {
  header: ImageHeader;
  /** RGBA, copied out of the decoder. */
  rgba: Uint8Array<ArrayBuffer>;
  cells: number[];
}

export function decode(bytes: Uint8Array): Decoded | ImageFailure {
  const header = readImageHeader(bytes);
  if ("reason" in header) return header;
  return withDecodedImage(bytes, header, ({ data, width, height, channels }) => {
    if (width !== header.width || height !== header.height) throw new Error("header and pixels differ in size");
    const rgba = new Uint8Array(width * height * 4);
    for (let k = 0; k < width * height; k++) {
      for (let channel = 0; channel < 4; channel++) {
        rgba[4 * k + channel] = channel < channels ? data[channels * k + channel] : 255;
      }
    }
    return { header, rgba, cells: cellMeans({ data: rgba, width, height, channels: 4 }) };
  });
}

export function reasonOf(bytes: Uint8Array): string {
  const result = decode(bytes);
  return "reason" in result ? result.reason : "decoded";
}

/** A copy with some bytes replaced. */
export function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}
