// The calibrations that configurations name: the bundle's, and those that KV keeps under their SHA-256.
//
// A name that is a hash makes configuration and calibration change together: the one key `config` says
// which calibration it was made with, and what lies under a hash never changes.
import type { Calibration } from "@spillway/shared/schema/calibration";
import {
  type CalibrationCheck,
  calibrationKey,
  checkCalibrationText,
  MAX_CALIBRATION_BYTES,
} from "@spillway/shared/schema/calibration-check";
import { readAtMost } from "../body.ts";
import type { ModelBundle } from "../inference/model-bundle.ts";
import { KV_CACHE_SECONDS, MAX_HELD_CALIBRATIONS } from "../limits.ts";
import { sha256Hex } from "../sha256.ts";
import { kvRead } from "./kv-read.ts";

export interface CalibrationStore {
  /**
   * The calibration of this SHA-256, the bundle's for null; read from KV unless this isolate holds it.
   * One that KV lacks, or that is not this model's, is a refusal. @throws Error when KV cannot be read in time
   */
  named(sha256: string | null): Promise<CalibrationCheck>;
}

export function createCalibrationStore(kv: KVNamespace, bundle: ModelBundle): CalibrationStore {
  /** By hash, the longest unused first. */
  const held = new Map<string, Calibration>();

  function hold(sha256: string, calibration: Calibration): CalibrationCheck {
    held.delete(sha256);
    held.set(sha256, calibration);
    for (const oldest of held.keys()) if (held.size > MAX_HELD_CALIBRATIONS) held.delete(oldest);
    return { ok: true, calibration };
  }

  async function load(sha256: string): Promise<CalibrationCheck> {
    const bytes = await kvRead(readBytes(kv, calibrationKey(sha256)));
    if (bytes === "missing") return { ok: false, error: "not in KV" };
    if (bytes === "too-many") return { ok: false, error: `more than ${MAX_CALIBRATION_BYTES} bytes in KV` };
    const actual = await sha256Hex(bytes);
    if (actual !== sha256) return { ok: false, error: `damaged in KV: its SHA-256 is ${actual}` };
    // Requests that found it missing together read it together; one of them parses it.
    const known = held.get(sha256);
    if (known !== undefined) return { ok: true, calibration: known };
    return checkCalibrationText(new TextDecoder().decode(bytes), bundle.manifest, bundle.hash);
  }

  return {
    async named(sha256) {
      if (sha256 === null) return { ok: true, calibration: bundle.calibration };
      const known = held.get(sha256);
      if (known !== undefined) return hold(sha256, known);
      const loaded = await load(sha256);
      if (loaded.ok) return hold(sha256, loaded.calibration);
      return { ok: false, error: `calibration: ${sha256}: ${loaded.error}` };
    },
  };
}

/** KV also remembers for this long that a key is missing, so a calibration is published before its configuration. */
async function readBytes(kv: KVNamespace, key: string): Promise<Uint8Array<ArrayBuffer> | "missing" | "too-many"> {
  const stream = await kv.get(key, { type: "stream", cacheTtl: KV_CACHE_SECONDS });
  return stream === null ? "missing" : ((await readAtMost(stream, MAX_CALIBRATION_BYTES)) ?? "too-many");
}
