// Which format bytes are in, by how they begin.

export type ImageFormat = "JPEG" | "PNG" | "WebP" | "GIF" | "BMP" | "TIFF" | "JPEG XL" | "AVIF" | "HEIC";

/** Bytes that all files of a format share; `?` stands for any byte. */
const SIGNATURES: readonly (readonly [ImageFormat, string])[] = [
  ["JPEG", "\xff\xd8\xff"],
  ["PNG", "\x89PNG\r\n\x1a\n"],
  ["WebP", "RIFF????WEBP"],
  ["GIF", "GIF87a"],
  ["GIF", "GIF89a"],
  // After the length come four bytes that are zero in practice; "BM" alone may begin a text.
  ["BMP", "BM????\0\0\0\0"],
  ["TIFF", "II*\0"],
  ["TIFF", "MM\0*"],
  ["JPEG XL", "\xff\x0a"],
  ["JPEG XL", "\0\0\0\x0cJXL "],
  ["AVIF", "????ftypavif"],
  ["AVIF", "????ftypavis"],
  ["HEIC", "????ftyphei"],
  ["HEIC", "????ftyphev"],
  ["HEIC", "????ftypmif1"],
  ["HEIC", "????ftypmsf1"],
];

export function readSignature(bytes: Uint8Array): ImageFormat | null {
  return SIGNATURES.find(([, signature]) => startsWith(bytes, signature))?.[0] ?? null;
}

function startsWith(bytes: Uint8Array, signature: string): boolean {
  for (let k = 0; k < signature.length; k++) {
    if (signature[k] !== "?" && bytes[k] !== signature.charCodeAt(k)) return false;
  }
  return bytes.length >= signature.length;
}
