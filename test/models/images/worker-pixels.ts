// What the Worker makes of a file, by its own header readers and its own decoders, run in Node.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import mozjpeg from "@jsquash/jpeg/codec/dec/mozjpeg_dec.js";
import libwebp from "@jsquash/webp/codec/dec/webp_dec.js";
import { createCodec, type EmscriptenFactory } from "../../../edge-worker/src/image/codec.ts";
import type { ImageFailure } from "../../../edge-worker/src/image/failure.ts";
import { type ImageHeader, readImageHeader } from "../../../edge-worker/src/image/header.ts";
import { MAX_PICTURE_BYTES } from "../../../edge-worker/src/image/limits.ts";
import { decodePng } from "../../../edge-worker/src/image/png-decode.ts";

export interface WorkerPicture {
  header: ImageHeader;
  /** RGBA, copied out of the decoder. */
  rgba: Uint8Array;
}

// Its image/decode.ts itself imports the two .wasm files as modules, which only the Worker's bundler can.
const jpegCodec = createCodec(mozjpeg as unknown as EmscriptenFactory, compiled("jpeg/codec/dec/mozjpeg_dec.wasm"), [
  false,
]);
const webpCodec = createCodec(libwebp as unknown as EmscriptenFactory, compiled("webp/codec/dec/webp_dec.wasm"));

/** @throws Error when the decoder fails on a picture whose header is good */
export function workerPicture(bytes: Uint8Array): WorkerPicture | ImageFailure {
  const header = readImageHeader(bytes);
  if ("reason" in header) return header;
  let rgba: Uint8Array | undefined;
  if (header.kind === "png") {
    const pixels = decodePng(bytes, header);
    if ("reason" in pixels) return pixels;
    rgba = toRgba(pixels.data as Uint8Array, pixels.channels);
  } else {
    const codec = header.kind === "jpeg" ? jpegCodec : webpCodec;
    codec.decode(bytes, MAX_PICTURE_BYTES, ({ data }) => {
      rgba = (data as Uint8Array).slice();
    });
  }
  if (rgba === undefined) throw new Error(`expected a ${header.kind} that can be decoded`);
  return { header, rgba };
}

/** Pixels of three channels become opaque ones of four. */
export function toRgba(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 4) return data;
  return Uint8Array.from({ length: (data.length / 3) * 4 }, (_, at) =>
    at % 4 === 3 ? 255 : data[(at >> 2) * 3 + (at % 4)],
  );
}

function compiled(file: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(createRequire(import.meta.url).resolve(`@jsquash/${file}`)));
}
