import { expect, it } from "vitest";
import type { Provider, ServingOptions } from "../../../cloud-backend/src/inference/serving-options.ts";
import { modelConfiguration } from "../../../cloud-backend/src/routes/model-configuration.ts";
import { perRowSettingGraph, SERVING } from "../setup/graphs.ts";

const { name, signature, encoded } = await perRowSettingGraph();
const configurationOf = (changes: Partial<ServingOptions>, provider: Provider = "cpu") =>
  modelConfiguration({ name, signature, encoded, provider, serving: { ...SERVING, ...changes } });

it("tells how batches are made, in Triton's units", () => {
  const batching = { maxBatch: 32, delayMs: 2.5, preferredSizes: [4, 32], isPadded: true };
  expect(configurationOf({ batching, instances: 3 })).toMatchObject({
    max_batch_size: 32,
    instance_group: [{ count: 3 }],
    dynamic_batching: { preferred_batch_size: [4, 32], max_queue_delay_microseconds: 2500 },
  });
});

it.each<[Provider, string]>([
  ["cpu", "KIND_CPU"],
  ["cuda", "KIND_GPU"],
  ["tensorrt", "KIND_GPU"],
])("says where it runs, not where it was to run: %s is %s", (provider, kind) => {
  const configuration = configurationOf({ providers: ["tensorrt", "cuda", "cpu"] }, provider);
  expect(configuration.instance_group).toEqual([{ name: "per-row-setting", kind, count: 1 }]);
});

it("says what may come in the place of the inputs, where anything may", async () => {
  const configuration = (encoded: Parameters<typeof modelConfiguration>[0]["encoded"]) =>
    modelConfiguration({ name, signature, encoded, provider: "cpu", serving: SERVING });
  expect(configuration({ kind: "frame", name: "frame" })).toMatchObject({
    parameters: { encoded_input: { string_value: "frame" }, encoded_input_kind: { string_value: "frame" } },
  });
  expect(configuration({ kind: "image", name: "pixels" })).toMatchObject({
    parameters: { encoded_input: { string_value: "pixels" }, encoded_input_kind: { string_value: "image" } },
  });
  expect(configuration(null)).not.toHaveProperty("parameters");
});
