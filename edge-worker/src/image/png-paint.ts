// From the samples of a PNG, of any depth and colour type, to RGB or RGBA of 8 bits.
import { COLOUR, type PngHeader } from "./png-header.ts";
import type { PngPass } from "./png-passes.ts";

export interface PngColours {
  /** RGB triples; empty without a palette. */
  palette: Uint8Array;
  /** The opacities of the palette, or the one colour that is transparent. */
  transparency: Uint8Array | null;
}

/** Writes the pixel whose samples begin at values[from] to target[to]; false when there is no such colour. */
type Painter = (values: Uint16Array, from: number, target: Uint8Array, to: number) => boolean;

/** Paints the unfiltered rows of a pass into the picture. False when a pixel's colour is not in the palette. */
export function paintPass(
  rows: Uint8Array,
  pass: PngPass,
  header: PngHeader,
  colours: PngColours,
  target: Uint8Array,
): boolean {
  const { width, channels, samplesPerPixel } = header;
  const paint = painterFor(header, colours);
  const values = new Uint16Array(pass.columns * samplesPerPixel);
  for (let row = 0; row < pass.rows; row++) {
    unpack(rows.subarray(row * pass.rowBytes, (row + 1) * pass.rowBytes), header.bitsPerSample, values);
    const rowStart = (pass.y + row * pass.yStep) * width;
    for (let column = 0; column < pass.columns; column++) {
      const to = (rowStart + pass.x + column * pass.xStep) * channels;
      if (!paint(values, column * samplesPerPixel, target, to)) return false;
    }
  }
  return true;
}

/** Samples of 1, 2, 4, 8 or 16 bits, the highest bits first. */
function unpack(row: Uint8Array, bits: number, values: Uint16Array): void {
  if (bits === 8) {
    values.set(row);
  } else if (bits === 16) {
    for (let k = 0; k < values.length; k++) values[k] = (row[2 * k] << 8) | row[2 * k + 1];
  } else {
    const mask = (1 << bits) - 1;
    for (let k = 0; k < values.length; k++) {
      const bit = k * bits;
      values[k] = (row[bit >> 3] >> (8 - bits - (bit & 7))) & mask;
    }
  }
}

function painterFor(header: PngHeader, colours: PngColours): Painter {
  switch (header.colourType) {
    case COLOUR.palette:
      return palettePainter(colours, header.channels);
    case COLOUR.grey:
    case COLOUR.greyAlpha:
      return greyPainter(header, colours.transparency);
    default:
      return rgbPainter(header, colours.transparency);
  }
}

function palettePainter({ palette, transparency }: PngColours, channels: number): Painter {
  return (values, from, target, to) => {
    const at = 3 * values[from];
    target[to] = palette[at];
    target[to + 1] = palette[at + 1];
    target[to + 2] = palette[at + 2];
    if (channels === 4) target[to + 3] = transparency?.[values[from]] ?? 255;
    return at + 2 < palette.length;
  };
}

function greyPainter(header: PngHeader, transparency: Uint8Array | null): Painter {
  const { channels, bitsPerSample, colourType } = header;
  const hasAlpha = colourType === COLOUR.greyAlpha;
  const transparent = transparency === null ? -1 : (transparency[0] << 8) | transparency[1];
  return (values, from, target, to) => {
    const grey = toByte(values[from], bitsPerSample);
    target[to] = grey;
    target[to + 1] = grey;
    target[to + 2] = grey;
    if (hasAlpha) target[to + 3] = toByte(values[from + 1], bitsPerSample);
    else if (channels === 4) target[to + 3] = values[from] === transparent ? 0 : 255;
    return true;
  };
}

function rgbPainter(header: PngHeader, transparency: Uint8Array | null): Painter {
  const { channels, bitsPerSample, colourType } = header;
  const hasAlpha = colourType === COLOUR.rgba;
  const transparent = new Uint16Array(3);
  if (transparency !== null) unpack(transparency, 16, transparent);
  return (values, from, target, to) => {
    for (let channel = 0; channel < 3; channel++) {
      target[to + channel] = toByte(values[from + channel], bitsPerSample);
    }
    if (hasAlpha) target[to + 3] = toByte(values[from + 3], bitsPerSample);
    else if (channels === 4) {
      const isTransparent = transparent.every((value, channel) => value === values[from + channel]);
      target[to + 3] = isTransparent ? 0 : 255;
    }
    return true;
  };
}

/** The sample in 8 bits: small ones are stretched to the full range, of 16 bits the upper 8 are taken, as libpng does. */
function toByte(value: number, bits: number): number {
  if (bits === 8) return value;
  return bits === 16 ? value >> 8 : (value * 255) / ((1 << bits) - 1);
}
