// The live configuration: KV's when it is good, the last good one when KV's is bad, the default when
// KV holds none. Each isolate reads it at most every CONFIG_MAX_AGE_MS, so a change needs no restart.
//
// The last good one is also kept in KV, under a key of its own: an isolate that starts while a bad
// value stands there would otherwise fall back to the default, which nobody chose.
import { type Config, checkConfigText, defaultConfig } from "@spillway/shared/schema/config";
import type { ModelBundle } from "../inference/model-bundle.ts";
import { CONFIG_MAX_AGE_MS, KV_CACHE_SECONDS } from "../limits.ts";
import { log } from "../telemetry/log.ts";

export const CONFIG_KEY = "config";
export const LAST_GOOD_KEY = "config-last-good";

export interface EffectiveConfig {
  config: Config;
  source: "kv" | "default" | "last-good";
  /** Why KV's value is not in force; null when it is, or when there is none. */
  error: string | null;
}

export interface ConfigStore {
  /** The configuration in force, read from KV when what the isolate holds is too old. Never throws. */
  current(): Promise<EffectiveConfig>;
  /** The text in KV, unread by any check; null when there is none. @throws when KV cannot be read */
  stored(): Promise<string | null>;
  /** Puts a checked configuration into KV and into force here. @throws when KV cannot be written */
  replace(config: Config): Promise<void>;
}

export function createConfigStore(kv: KVNamespace, bundle: ModelBundle, now: () => number): ConfigStore {
  const { manifest, hash, calibration } = bundle;
  let held: EffectiveConfig | undefined;
  let heldText: string | null | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;

  async function refresh(): Promise<EffectiveConfig> {
    const text = await kv.get(CONFIG_KEY, { cacheTtl: KV_CACHE_SECONDS });
    if (held !== undefined && held.error === null && text === heldText) return held;
    heldText = text;
    if (text === null) return { config: defaultConfig(manifest, hash, calibration), source: "default", error: null };
    const checked = checkConfigText(text, manifest, hash);
    if (checked.ok) {
      await rememberGood(text);
      return { config: checked.config, source: "kv", error: null };
    }
    log("config-refused", { detail: checked.error });
    return { ...(await lastGood()), error: checked.error };
  }

  /** What was in force here before, else what some isolate found good before, else the default. */
  async function lastGood(): Promise<Pick<EffectiveConfig, "config" | "source">> {
    if (held !== undefined && held.source !== "default") return { config: held.config, source: "last-good" };
    const text = await kv.get(LAST_GOOD_KEY, { cacheTtl: KV_CACHE_SECONDS });
    const checked = checkConfigText(text ?? "", manifest, hash);
    if (checked.ok) return { config: checked.config, source: "last-good" };
    return { config: defaultConfig(manifest, hash, calibration), source: "default" };
  }

  async function rememberGood(text: string): Promise<void> {
    try {
      if ((await kv.get(LAST_GOOD_KEY, { cacheTtl: KV_CACHE_SECONDS })) !== text) await kv.put(LAST_GOOD_KEY, text);
    } catch (error) {
      // Another isolate may have written it this second; KV allows one write a second for a key.
      log("config-last-good-not-kept", { detail: String(error) });
    }
  }

  return {
    async current() {
      if (held !== undefined && now() - readAtMs < CONFIG_MAX_AGE_MS) return held;
      try {
        held = await refresh();
      } catch (error) {
        log("config-unreadable", { detail: String(error) });
        const fallback = held ?? { config: defaultConfig(manifest, hash, calibration), source: "default" };
        const source = fallback.source === "default" ? "default" : "last-good";
        held = { config: fallback.config, source, error: "KV could not be read" };
      }
      readAtMs = now();
      return held;
    },

    stored: () => kv.get(CONFIG_KEY, { cacheTtl: KV_CACHE_SECONDS }),

    async replace(config) {
      const text = JSON.stringify(config);
      await kv.put(CONFIG_KEY, text);
      await rememberGood(text);
      held = { config, source: "kv", error: null };
      heldText = text;
      readAtMs = now();
    },
  };
}
