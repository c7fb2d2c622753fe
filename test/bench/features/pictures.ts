// The rivals of features: the same image as a JPEG or WebP file of falling quality and size, which the receiver
// decodes, brings to the size that the large model reads, and shows to it.
import sharp, { type Sharp } from "sharp";
import { runModels } from "../../../models/src/evaluation/run-models.ts";
import type { LabelledImage, LabelledImages } from "../../../models/src/images/labelled-images.ts";
import type { ModelFolder } from "../../../models/src/model-folder.ts";

export const FAMILIES = ["WebP", "JPEG", "JPEG without tables"] as const;
export type Family = (typeof FAMILIES)[number];

export interface PictureForm {
  format: "WebP" | "JPEG";
  quality: number;
  /** Of the picture that is sent; null sends it as large as it is. */
  side: number | null;
}

const QUALITIES = [5, 20, 35, 50, 65, 80];
/** Smaller pictures, as larger ones of the lowest quality may be worse for as many bytes. */
const SMALL_QUALITIES = [20, 65];
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

/** Mean length of the images' files. */
export async function meanFileBytes(
  images: LabelledImages,
  indices: readonly number[],
  encode: (image: Sharp) => Sharp,
): Promise<number> {
  let sum = 0;
  for (const index of indices) sum += (await encode(rawOf(await images.read(index))).toBuffer()).length;
  return sum / indices.length;
}

/** What the large model says of the images as they are received, and what was sent of each. */
export interface SeenPictures {
  form: PictureForm;
  /** Row-major [images, classes]. */
  logits: Float32Array;
  /** Of each family of this format the bytes, [images]. */
  sent: { family: Family; bytes: Int32Array }[];
}

export async function seePictures(
  folder: ModelFolder,
  images: LabelledImages,
  form: PictureForm,
): Promise<SeenPictures> {
  const sent = familiesOf(form).map((family) => ({ family, bytes: new Int32Array(images.count) }));
  const received: LabelledImages = {
    ...images,
    async read(index) {
      const original = await images.read(index);
      const { width, height } = original;
      const small =
        form.side === null ? rawOf(original) : rawOf(original).resize(form.side, form.side, { fit: "fill" });
      const { file, lengths } = await encodePicture(small, form);
      for (const [at, { bytes }] of sent.entries()) bytes[index] = lengths[at];
      const decoded = sharp(file).resize(width, height, { fit: "fill", kernel: "cubic" });
      return { ...original, data: await decoded.removeAlpha().raw().toBuffer() };
    },
  };
  const all = Array.from({ length: images.count }, (_, index) => index);
  const { large } = await runModels(folder, received, all);
  return { form, logits: large, sent };
}

/** The file, and the bytes that each of the format's families has to send of it. */
async function encodePicture(image: Sharp, { format, quality }: PictureForm) {
  if (format === "WebP") {
    const file = await image.webp({ quality, effort: 6 }).toBuffer();
    return { file, lengths: [file.length] };
  }
  const file = await image.clone().jpeg({ quality }).toBuffer();
  // The same pixels; tables made for the one image would have to be sent.
  const usualTables = await image.jpeg({ quality, optimiseCoding: false }).toBuffer();
  const scan = RFC_2435_HEADER + scanBytes(usualTables);
  return { file, lengths: [file.length, scan] };
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
