import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { inferenceService, type ServiceOptions, serviceName } from "../../../models/src/export/inference-service.ts";

const options: ServiceOptions = {
  model: "cifar100",
  storageUri: 's3://bucket/a "quoted" path: #1',
  device: "gpu",
  minReplicas: 0,
  maxReplicas: 8,
  targetConcurrency: 24,
};

describe("inferenceService", () => {
  it("is what KServe's v1beta1 takes", () => {
    const resources = { cpu: expect.any(String), memory: expect.any(String), "nvidia.com/gpu": "1" };
    expect(parse(inferenceService(options), { strict: true })).toEqual({
      apiVersion: "serving.kserve.io/v1beta1",
      kind: "InferenceService",
      metadata: { name: "spillway-cifar100" },
      spec: {
        predictor: {
          minReplicas: 0,
          maxReplicas: 8,
          scaleMetric: "concurrency",
          scaleTarget: 24,
          timeout: 60,
          model: {
            modelFormat: { name: "triton", version: "2" },
            runtime: "kserve-tritonserver",
            runtimeVersion: expect.stringMatching(/^\d\d\.\d\d-py3$/),
            protocolVersion: "v2",
            storageUri: options.storageUri,
            resources: { requests: resources, limits: resources },
          },
        },
      },
    });
  });

  it("asks for no GPU when there is none", () => {
    expect(inferenceService({ ...options, device: "cpu" })).not.toContain("nvidia");
  });
});

describe("serviceName", () => {
  it.each([
    ["cifar100", "spillway-cifar100"],
    ["1-2", "spillway-1-2"],
    ["a--", "spillway-a"],
    [`${"a".repeat(30)}-b`, `spillway-${"a".repeat(30)}`],
    ["a".repeat(100), `spillway-${"a".repeat(31)}`],
  ])("makes a DNS label of %s", (model, name) => {
    expect(serviceName(model)).toBe(name);
    expect(name).toMatch(/^[a-z]([a-z0-9-]*[a-z0-9])?$/);
    expect(name.length).toBeLessThanOrEqual(40);
  });
});
