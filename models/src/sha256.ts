// SHA-256 as text: the name of a model, a calibration, a file.
import { createHash } from "node:crypto";

/** 64 lower-case hex digits; of a text, those of its UTF-8 bytes. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
