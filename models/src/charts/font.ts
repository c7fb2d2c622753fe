// The one font of the charts, DejaVu Sans out of npm, and the width of a text in it.
// Without a canvas Vega only guesses widths; with these, labels lie where they belong on every machine.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

/** Where an SVG's reader has no DejaVu Sans: Verdana has nearly its widths, other fonts are narrower. */
export const FONT_FAMILY = "DejaVu Sans, Verdana, sans-serif";

type Weight = "normal" | "bold";

const FILE_NAMES = { normal: "DejaVuSans.ttf", bold: "DejaVuSans-Bold.ttf" } as const;
const require = createRequire(import.meta.url);

/** Where npm has put the font: TrueType files. */
export function fontFile(weight: Weight): string {
  return require.resolve(`dejavu-fonts-ttf/ttf/${FILE_NAMES[weight]}`);
}

/** Advance widths, in ems, of the characters a font has. */
type Advances = (codePoint: number) => number;
const loaded = new Map<Weight, Advances>();

/** Pixels that one line of text takes: the sum of its characters' advances, without kerning. */
export function textWidth(text: string, fontSize: number, weight: Weight = "normal"): number {
  let advances = loaded.get(weight);
  if (advances === undefined) {
    advances = readAdvances(readFileSync(fontFile(weight)));
    loaded.set(weight, advances);
  }
  let ems = 0;
  for (const character of text) ems += advances(character.codePointAt(0) ?? 0);
  return ems * fontSize;
}

/** Breaks a text at its spaces into lines of at most so many pixels; a longer word has a line of its own. */
export function wrapText(text: string, maxWidth: number, fontSize: number, weight: Weight = "normal"): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && textWidth(longer, fontSize, weight) <= maxWidth) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Reads `head`, `hhea`, `hmtx` and the Unicode `cmap` (format 12) of a TrueType file: OpenType 1.9. */
function readAdvances(file: Buffer): Advances {
  const tables = tablesOf(file);
  const unitsPerEm = tables("head").getUint16(18);
  const longMetrics = tables("hhea").getUint16(34);
  const metrics = tables("hmtx");
  const glyphOf = readCharacterMap(tables("cmap"));
  // Glyphs past the last long metric share its advance.
  return (codePoint) => metrics.getUint16(4 * Math.min(glyphOf(codePoint), longMetrics - 1)) / unitsPerEm;
}

function tablesOf(file: Buffer): (tag: string) => DataView {
  const count = file.readUInt16BE(4);
  return (tag) => {
    for (let record = 12; record < 12 + 16 * count; record += 16) {
      if (file.toString("latin1", record, record + 4) !== tag) continue;
      return new DataView(file.buffer, file.byteOffset + file.readUInt32BE(record + 8), file.readUInt32BE(record + 12));
    }
    throw new Error(`DejaVu Sans: expected a table ${tag}`);
  };
}

/** Glyph of a code point; 0, the box, for one that the font has not. */
function readCharacterMap(map: DataView): (codePoint: number) => number {
  const at = formatTwelveOffset(map);
  const end = at + 16 + 12 * map.getUint32(at + 12);
  return (codePoint) => {
    for (let group = at + 16; group < end; group += 12) {
      if (codePoint > map.getUint32(group + 4)) continue;
      const start = map.getUint32(group);
      return codePoint < start ? 0 : map.getUint32(group + 8) + codePoint - start;
    }
    return 0;
  };
}

function formatTwelveOffset(map: DataView): number {
  const count = map.getUint16(2);
  for (let record = 4; record < 4 + 8 * count; record += 8) {
    const offset = map.getUint32(record + 4);
    if (map.getUint16(offset) === 12) return offset;
  }
  throw new Error("DejaVu Sans: expected a character map of format 12");
}
