// The live configuration: KV's when it is good, the last good one when KV's is bad, the default when
// KV holds none. Each isolate reads it at most every CONFIG_MAX_AGE_MS, so a change needs no restart.
//
// The last good one is also kept in KV, under a key of its own: an isolate that starts while a bad
// value stands there would otherwise fall back to the default, which nobody chose.
import { type Config, checkConfigText, defaultConfig } from "@spillway/shared/schema/config";
import type { ModelBundle } from "../inference/model-bundle.ts";
import { CONFIG_MAX_AGE_MS, KV_CACHE_SECONDS, KV_TIMEOUT_MS } from "../limits.ts";
import { log } from "../telemetry/log.ts";
import { withinTime } from "../within-time.ts";

export const CONFIG_KEY = "config";
export const LAST_GOOD_KEY = "config-last-good";

export interface EffectiveConfig {
  config: Config;
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
  /** Puts a checked configuration into KV and into force here. @throws when KV cannot be written */
  replace(config: Config, background: Background): Promise<EffectiveConfig>;
}

type Background = (work: Promise<unknown>) => void;

export function createConfigStore(kv: KVNamespace, bundle: ModelBundle, now: () => number): ConfigStore {
  const { manifest, hash, calibration } = bundle;
  // One value, replaced whole: a request that is cancelled while it waits leaves nothing half changed.
  let held: { effective: EffectiveConfig; readAtMs: number } | undefined;

  const standard = (): Config => defaultConfig(manifest, hash, calibration);

  async function refresh(background: Background): Promise<EffectiveConfig> {
    const storedText = await readText(kv, CONFIG_KEY);
    const before = held?.effective;
    if (before !== undefined && before.error === null && before.storedText === storedText) return before;
    if (storedText === null) return { config: standard(), source: "default", error: null, storedText };
    const checked = checkConfigText(storedText, manifest, hash);
    if (checked.ok) {
      background(rememberGood(storedText));
      return { config: checked.config, source: "kv", error: null, storedText };
    }
    log("config-refused", { detail: checked.error });
    return { ...(await lastGood()), error: checked.error, storedText };
  }

  /** What was in force here before, else what some isolate found good before, else the default. */
  async function lastGood(): Promise<Pick<EffectiveConfig, "config" | "source">> {
    const before = held?.effective;
    if (before !== undefined && before.source !== "default") return { config: before.config, source: "last-good" };
    const checked = checkConfigText((await readText(kv, LAST_GOOD_KEY)) ?? "", manifest, hash);
    return checked.ok ? { config: checked.config, source: "last-good" } : { config: standard(), source: "default" };
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
      config: standard(),
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
      const effective = await refresh(background).catch(unreadable);
      held = { effective, readAtMs: now() };
      return effective;
    },

    stored: () => readText(kv, CONFIG_KEY),

    async replace(config, background) {
      const storedText = JSON.stringify(config);
      await kv.put(CONFIG_KEY, storedText);
      const effective: EffectiveConfig = { config, source: "kv", error: null, storedText };
      held = { effective, readAtMs: now() };
      background(rememberGood(storedText));
      return effective;
    },
  };
}

/** @throws Error when KV fails or is too slow */
async function readText(kv: KVNamespace, key: string): Promise<string | null> {
  const read = kv.get(key, { cacheTtl: KV_CACHE_SECONDS }).then((text) => ({ text }));
  const inTime = await withinTime(read, KV_TIMEOUT_MS);
  if (inTime === null) throw new Error(`KV did not answer in ${KV_TIMEOUT_MS} ms`);
  return inTime.text;
}
