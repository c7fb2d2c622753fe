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
import type { ModelBundle } from "../inference/model-bundle.ts";
import { MAX_HELD_CALIBRATIONS, MAX_REFUSED_CALIBRATIONS, SHARED_LOAD_TIMEOUT_MS } from "../limits.ts";
import { sha256Hex } from "../sha256.ts";
import { keepNewest } from "./keep-newest.ts";
import { kvReadBytes } from "./kv-read.ts";
import { createSharedLoads } from "./shared-loads.ts";

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
  /** Why, by hash: neither the text under a hash nor this isolate's model changes, so neither does the refusal. */
  const refused = new Map<string, string>();
  const loads = createSharedLoads<CalibrationCheck>(SHARED_LOAD_TIMEOUT_MS);

  function known(sha256: string): CalibrationCheck | null {
    const calibration = held.get(sha256);
    if (calibration !== undefined) return hold(sha256, calibration);
    const error = refused.get(sha256);
    return error === undefined ? null : { ok: false, error };
  }

  function hold(sha256: string, calibration: Calibration): CalibrationCheck {
    keepNewest(held, sha256, calibration, MAX_HELD_CALIBRATIONS);
    return { ok: true, calibration };
  }

  /** Remembers only what is certain: what KV lacks may yet come, and what is damaged there be mended. */
  async function load(sha256: string): Promise<CalibrationCheck> {
    const bytes = await kvReadBytes(kv, calibrationKey(sha256), MAX_CALIBRATION_BYTES);
    if (bytes === "missing") return { ok: false, error: "not in KV" };
    if (bytes === "too-many") return { ok: false, error: `more than ${MAX_CALIBRATION_BYTES} bytes in KV` };
    const actual = await sha256Hex(bytes);
    if (actual !== sha256) return { ok: false, error: `damaged in KV: its SHA-256 is ${actual}` };
    const checked = checkCalibrationText(new TextDecoder().decode(bytes), bundle.manifest, bundle.hash);
    if (checked.ok) return hold(sha256, checked.calibration);
    keepNewest(refused, sha256, checked.error, MAX_REFUSED_CALIBRATIONS);
    return checked;
  }

  return {
    async named(sha256) {
      if (sha256 === null) return { ok: true, calibration: bundle.calibration };
      const found = known(sha256) ?? (await loads.load(sha256, () => load(sha256)));
      return found.ok ? found : { ok: false, error: `calibration: ${sha256}: ${found.error}` };
    },
  };
}
