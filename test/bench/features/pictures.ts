// The rivals of features: the same image as a JPEG or WebP file of falling quality and size, which the receiver
// decodes, brings to the size that the large model reads, and shows to it.
import sharp, { type Sharp } from "sharp";
import type { LabelledImage, LabelledImages } from "../../../models/src/images/labelled-images.ts";

export const FAMILIES = ["WebP", "JPEG", "JPEG without tables"] as const;
export type Family = (typeof FAMILIES)[number];

export interface PictureForm {
  format: "WebP" | "JPEG";
  quality: number;
  /** Of the picture that is sent; null sends it as large as it is. */
  side: number | null;
}

const QUALITIES = [1, 5, 10, 20, 35, 50, 65, 80, 90];
/** Smaller pictures, as larger ones of the lowest quality may be worse for as many bytes. */
const SMALL_QUALITIES = [10, 35, 65, 90];
const SMALL_SIDES = [24, 16];
/** RFC 2435 sends quality and size in 8 bytes, and then the scan: the receiver knows all tables. */
const RFC_2435_HEADER = 8;

/** Lossless files, whose pixels are the image's. */
export const LOSSLESS: Record<"PNG" | "WebP lossless", (image: Sharp) => Sharp> = {
  PNG: (image) => image.png({ compressionLevel: 9, adaptiveFiltering: true }),
  "WebP lossless": (image) => image.webp({ lossless: true, effort: 6 }),
};

export function pictureForms(): PictureForm[] {
  return (["WebP", "JPEG"] as const).flatMap((format) => [
    ...QUALITIES.map((quality) => ({ format, quality, side: null })),
    ...SMALL_SIDES.flatMap((side) => SMALL_QUALITIES.map((quality) => ({ format, quality, side }))),
  ]);
}

function familiesOf({ format }: PictureForm): Family[] {
  return format === "WebP" ? ["WebP"] : ["JPEG", "JPEG without tables"];
}

/** "WebP 20", "JPEG without tables 50 of 24x24". */
export function pictureName(family: Family, { quality, side }: PictureForm): string {
  return `${family} ${quality}${side === null ? "" : ` of ${side}x${side}`}`;
}

/** Length of every image's file. */
export async function fileBytes(images: LabelledImages, indices: readonly number[], encode: (image: Sharp) => Sharp) {
  const lengths: number[] = [];
  for (const index of indices) lengths.push((await encode(rawOf(await images.read(index))).toBuffer()).length);
  return lengths;
}

/** The images as they are received, and what was sent for each in bytes, filled in as they are read. */
export function sentAs(images: LabelledImages, form: PictureForm) {
  const bytes = new Map<Family, number[]>(familiesOf(form).map((family) => [family, []]));
  const received: LabelledImages = {
    ...images,
    async read(index) {
      const original = await images.read(index);
      const { width, height } = original;
      const small =
        form.side === null ? rawOf(original) : rawOf(original).resize(form.side, form.side, { fit: "fill" });
      const { file, sent } = await encodePicture(small, form);
      for (const [family, length] of sent) bytes.get(family)?.push(length);
      const data = await sharp(file)
        .resize(width, height, { fit: "fill", kernel: "cubic" })
        .removeAlpha()
        .raw()
        .toBuffer();
      return { ...original, data };
    },
  };
  return { received, bytes };
}

/** The file, and what of it has to be sent. */
async function encodePicture(image: Sharp, { format, quality }: PictureForm) {
  if (format === "WebP") {
    const file = await image.webp({ quality, effort: 6 }).toBuffer();
    return { file, sent: new Map<Family, number>([["WebP", file.length]]) };
  }
  const file = await image.clone().jpeg({ quality }).toBuffer();
  // The same pixels; tables made for the one image would have to be sent.
  const usualTables = await image.jpeg({ quality, optimiseCoding: false }).toBuffer();
  const scan = RFC_2435_HEADER + scanBytes(usualTables);
  return {
    file,
    sent: new Map<Family, number>([
      ["JPEG", file.length],
      ["JPEG without tables", scan],
    ]),
  };
}

function rawOf({ data, width, height, channels }: LabelledImage): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** Of a baseline JPEG: what lies between the header of its one scan, in which no marker can be, and that of its end. */
function scanBytes(file: Buffer): number {
  const scan = file.lastIndexOf(Buffer.of(0xff, 0xda));
  const header = 2 + file.readUInt16BE(scan + 2);
  return file.length - scan - header - 2;
}
