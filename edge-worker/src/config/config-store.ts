// The live configuration: KV's when it is good, the last good one when KV's is bad, the default when
// KV holds none. Each isolate reads it at most every CONFIG_MAX_AGE_MS, so a change needs no restart.
//
// The last good one is also kept in KV, under a key of its own: an isolate that starts while a bad
// value stands there would otherwise fall back to the default, which nobody chose.
//
// A configuration is in force with the calibration that it names, and is refused without it.
import type { Calibration } from "@spillway/shared/schema/calibration";
import { CONFIG_KEY, type Config, checkConfigText, defaultConfig } from "@spillway/shared/schema/config";
import type { ModelBundle } from "../inference/model-bundle.ts";
import { CONFIG_MAX_AGE_MS, KV_CACHE_SECONDS } from "../limits.ts";
import { log } from "../telemetry/log.ts";
import { createCalibrationStore } from "./calibration-store.ts";
import { kvRead } from "./kv-read.ts";

export const LAST_GOOD_KEY = "config-last-good";

/** A configuration and the calibration that it names. */
export interface CalibratedConfig {
  config: Config;
  calibration: Calibration;
}

export interface EffectiveConfig extends CalibratedConfig {
  source: "kv" | "default" | "last-good";
  /** Why KV's value is not in force; null when it is, or when there is none. */
  error: string | null;
  /** What KV held when this was decided; null when it held nothing or could not be read. */
  storedText: string | null;
}

export interface ConfigStore {
  /**
   * The configuration in force, read from KV when what the isolate holds is too old. Never throws.
   *
   * @param background keeps a promise running after the response, as `waitUntil` does
   */
  current(background: Background): Promise<EffectiveConfig>;
  /** The text in KV, unread by any check; null when there is none. @throws when KV cannot be read in time */
  stored(): Promise<string | null>;
  /**
   * Puts a checked configuration into KV and into force here, unless its calibration cannot be had.
   *
   * @throws when KV cannot be read or written
   */
  replace(config: Config, background: Background): Promise<Replaced>;
}

export type Replaced = { ok: true; effective: EffectiveConfig } | { ok: false; error: string };

type Background = (work: Promise<unknown>) => void;
type Check = { ok: true; calibrated: CalibratedConfig } | { ok: false; error: string };

export function createConfigStore(kv: KVNamespace, bundle: ModelBundle, now: () => number): ConfigStore {
  const { manifest, hash } = bundle;
  const calibrations = createCalibrationStore(kv, bundle);
  // One value, replaced whole: a request that is cancelled while it waits leaves nothing half changed.
  let held: { effective: EffectiveConfig; readAtMs: number; turn: number } | undefined;
  /** Readings begun and replacements made so far: what is older must not take the place of what is newer. */
  let turns = 0;

  const standard = (): CalibratedConfig => {
    const { calibration } = bundle;
    return { config: defaultConfig(manifest, hash, calibration), calibration };
  };

  async function refresh(background: Background): Promise<EffectiveConfig> {
    const storedText = await readText(kv, CONFIG_KEY);
    const before = held?.effective;
    if (before !== undefined && before.error === null && before.storedText === storedText) return before;
    if (storedText === null) return { ...standard(), source: "default", error: null, storedText };
    const checked = await check(storedText);
    if (checked.ok) {
      background(rememberGood(storedText));
      return { ...checked.calibrated, source: "kv", error: null, storedText };
    }
    log("config-refused", { detail: checked.error });
    return { ...(await lastGood()), error: checked.error, storedText };
  }

  async function check(text: string): Promise<Check> {
    const checked = checkConfigText(text, manifest, hash);
    return checked.ok ? withCalibration(checked.config) : checked;
  }

  async function withCalibration(config: Config): Promise<Check> {
    const named = await calibrations.named(config.calibration);
    return named.ok ? { ok: true, calibrated: { config, calibration: named.calibration } } : named;
  }

  /** What was in force here before, else what some isolate found good before, else the default. */
  async function lastGood(): Promise<CalibratedConfig & Pick<EffectiveConfig, "source">> {
    const before = held?.effective;
    if (before !== undefined && before.source !== "default") {
      return { config: before.config, calibration: before.calibration, source: "last-good" };
    }
    const checked = await check((await readText(kv, LAST_GOOD_KEY)) ?? "");
    return checked.ok ? { ...checked.calibrated, source: "last-good" } : { ...standard(), source: "default" };
  }

  async function rememberGood(text: string): Promise<void> {
    try {
      if ((await readText(kv, LAST_GOOD_KEY)) !== text) await kv.put(LAST_GOOD_KEY, text);
    } catch (error) {
      // Another isolate may have written it this second; KV allows one write a second for a key.
      log("config-last-good-not-kept", { detail: String(error) });
    }
  }

  function unreadable(error: unknown): EffectiveConfig {
    log("config-unreadable", { detail: String(error) });
    const fallback: EffectiveConfig = held?.effective ?? {
      ...standard(),
      source: "default",
      error: null,
      storedText: null,
    };
    const source = fallback.source === "default" ? "default" : "last-good";
    return { ...fallback, source, error: "KV could not be read" };
  }

  return {
    async current(background) {
      if (held !== undefined && now() - held.readAtMs < CONFIG_MAX_AGE_MS) return held.effective;
      const turn = ++turns;
      const reading = refresh(background).catch(unreadable);
      // A client that leaves must not take along the load that other requests wait for.
      background(reading);
      const effective = await reading;
      if (held !== undefined && held.turn > turn) return held.effective;
      held = { effective, readAtMs: now(), turn };
      return effective;
    },

    stored: () => readText(kv, CONFIG_KEY),

    async replace(config, background) {
      const checked = await withCalibration(config);
      if (!checked.ok) return checked;
      const storedText = JSON.stringify(config);
      await kv.put(CONFIG_KEY, storedText);
      const effective: EffectiveConfig = { ...checked.calibrated, source: "kv", error: null, storedText };
      held = { effective, readAtMs: now(), turn: ++turns };
      background(rememberGood(storedText));
      return { ok: true, effective };
    },
  };
}

/** @throws Error when KV fails or is too slow */
function readText(kv: KVNamespace, key: string): Promise<string | null> {
  return kvRead(kv.get(key, { cacheTtl: KV_CACHE_SECONDS }));
}
