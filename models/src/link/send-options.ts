// What a simulation may send: from a file, or of a model that has a tail and a calibration that knows it.
import { readFile } from "node:fs/promises";
import type { Calibration } from "@spillway/shared/schema/calibration";
import { parseDocument } from "@spillway/shared/schema/document";
import type { LargeModel, TailModel } from "@spillway/shared/schema/manifest";
import type { SendOption } from "@spillway/shared/split/controller";
import { z } from "zod";

const MAX_OPTIONS = 64;
const MOST_BYTES = 1e8;

/** Of features that are not coded, where no model says it: 64x8x8 at 8 bits. */
export const RAW_BYTES = 4096;

/** `[{ "route": "tail", "setting": "16x4", "bytes": 520, "gainShare": 0.7 }, { "route": "large", "setting": null, ... }]` */
const optionsSchema = z
  .array(
    z.strictObject({
      route: z.enum(["tail", "large"]),
      setting: z.string().min(1).nullable(),
      bytes: z.number().min(1).max(MOST_BYTES),
      gainShare: z.number().min(-2).max(2),
    }),
  )
  .min(1)
  .max(MAX_OPTIONS)
  .refine((options) => new Set(options.map(optionName)).size === options.length, "expected each setting once");

/** @throws Error with one line that names the file */
export async function readOptions(file: string): Promise<SendOption[]> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file}: cannot be read (${error.code})`);
  });
  return parseDocument(optionsSchema, text, file);
}

/** All settings of the tail and the whole image, as raw numbers of the large model's input; null without a tail. */
export function modelOptions({ tail }: Calibration, large: LargeModel): SendOption[] | null {
  if (tail === null) return null;
  const { width, height } = large.preprocessing;
  const bytes = width * height * 3 * (large.input.datatype === "UINT8" ? 1 : 4);
  return [
    ...tail.map(({ setting, frameBytes, gainShare }): SendOption => {
      return { route: "tail", setting, bytes: frameBytes, gainShare };
    }),
    { route: "large", setting: null, bytes, gainShare: 1 },
  ];
}

/** Of features at the fullest setting, not coded. */
export function rawBytesOf(tail: TailModel | null): number {
  return tail === null ? RAW_BYTES : Math.max(...tail.settings.map(({ rawBytes }) => rawBytes));
}

/** "16x4", or "large". */
export function optionName({ route, setting }: Pick<SendOption, "route" | "setting">): string {
  return setting ?? route;
}
