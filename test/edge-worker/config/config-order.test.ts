// Readings of KV and replacements that overlap: what was begun first must not win by ending last.
import { CONFIG_KEY, type Config, defaultConfig } from "@spillway/shared/schema/config";
import { beforeEach, expect, test } from "vitest";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { createConfigStore } from "../../../edge-worker/src/config/config-store.ts";
import { env, reset, storeConfig } from "../setup/app.ts";

const version = (name: string) => (config: Config) => {
  config.version = name;
};

/** A store whose readings of the configuration answer when the test says so, with what KV held when they began. */
function storeWithHeldReadings() {
  const readings: (() => void)[] = [];
  const background: Promise<unknown>[] = [];
  const kv = new Proxy(env.CONFIG, {
    get: (target, property) => {
      const method = Reflect.get(target, property).bind(target);
      if (property !== "get") return method;
      return async (key: string, options: never) => {
        if (key !== CONFIG_KEY) return method(key, options);
        const turn = Promise.withResolvers<void>();
        const text = method(key, options);
        readings.push(() => text.then(turn.resolve, turn.reject));
        await turn.promise;
        return text;
      };
    },
  });
  const keep = (work: Promise<unknown>) => void background.push(work);
  const store = createConfigStore(kv, modelBundle, () => 0);
  return {
    readings,
    background,
    current: () => store.current(keep),
    replace: (config: Config) => store.replace(config, keep),
  };
}

function configOf(name: string): Config {
  const config = defaultConfig(modelBundle.manifest, modelBundle.hash, modelBundle.calibration);
  config.version = name;
  return config;
}

beforeEach(reset);

test("a reading that began before a replacement and ends after it changes nothing", async () => {
  await storeConfig(version("old"));
  const { readings, current, replace } = storeWithHeldReadings();
  const slow = current();
  expect(await replace(configOf("new"))).toMatchObject({ ok: true });
  readings[0]?.();
  expect((await slow).config.version).toBe("new");
  expect((await current()).config.version).toBe("new");
});

test("a reading that ends last does not take the place of the one begun after it", async () => {
  await storeConfig(version("old"));
  const { readings, current } = storeWithHeldReadings();
  const first = current();
  await storeConfig(version("new"));
  const second = current();
  readings[1]?.();
  expect((await second).config.version).toBe("new");
  readings[0]?.();
  expect((await first).config.version).toBe("new");
  expect((await current()).config.version).toBe("new");
});

test("a reading that ends first gives way to the one begun after it", async () => {
  await storeConfig(version("old"));
  const { readings, current } = storeWithHeldReadings();
  const first = current();
  await storeConfig(version("new"));
  const second = current();
  readings[0]?.();
  await first;
  readings[1]?.();
  await second;
  expect((await current()).config.version).toBe("new");
});

test("a reading goes on behind a request that leaves", async () => {
  await storeConfig(version("kept"));
  const { readings, background, current } = storeWithHeldReadings();
  void current();
  expect(background).toHaveLength(1);
  readings[0]?.();
  expect(await background[0]).toMatchObject({ config: { version: "kept" } });
});
