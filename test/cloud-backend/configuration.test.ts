import { isAbsolute, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { helpText, readConfiguration } from "../../cloud-backend/src/configuration.ts";

describe("readConfiguration", () => {
  it("has a default for everything, and listens on this machine alone", () => {
    const check = readConfiguration({});
    expect(check).toMatchObject({
      ok: true,
      value: { port: 8080, host: "127.0.0.1", queueLength: 64, drainMs: 25_000 },
    });
    if (!check.ok) return;
    expect(check.value.inferenceThreads).toBeGreaterThanOrEqual(1);
    expect(isAbsolute(check.value.modelFolder)).toBe(true);
    expect(check.value.modelFolder.endsWith("models/cifar100")).toBe(true);
  });

  it("takes what is given", () => {
    const environment = {
      PORT: "0",
      HOST: "0.0.0.0",
      SPILLWAY_MODEL: "some/folder",
      SPILLWAY_QUEUE_LENGTH: "1",
      SPILLWAY_INFERENCE_THREADS: "3",
      SPILLWAY_DRAIN_SECONDS: "0",
    };
    expect(readConfiguration(environment)).toEqual({
      ok: true,
      value: {
        port: 0,
        host: "0.0.0.0",
        modelFolder: resolve("some/folder"),
        queueLength: 1,
        inferenceThreads: 3,
        drainMs: 0,
      },
    });
  });

  it("lets SageMaker's port win, and takes empty for not set", () => {
    expect(readConfiguration({ PORT: "9000", SAGEMAKER_BIND_TO_PORT: "9001" })).toMatchObject({
      value: { port: 9001 },
    });
    expect(readConfiguration({ PORT: "9000", SAGEMAKER_BIND_TO_PORT: "" })).toMatchObject({ value: { port: 9000 } });
    expect(readConfiguration({ PORT: "", HOST: "" })).toMatchObject({ value: { port: 8080, host: "127.0.0.1" } });
  });

  it.each([
    ["PORT", "65536", "0 to 65535"],
    ["PORT", "-1", "0 to 65535"],
    ["PORT", "80a", "0 to 65535"],
    ["PORT", "8e3", "0 to 65535"],
    ["SAGEMAKER_BIND_TO_PORT", "0", "1 to 65535"],
    ["SPILLWAY_QUEUE_LENGTH", "0", "1 to 10000"],
    ["SPILLWAY_QUEUE_LENGTH", "10001", "1 to 10000"],
    ["SPILLWAY_INFERENCE_THREADS", "0", "1 to 1024"],
    ["SPILLWAY_INFERENCE_THREADS", "1.5", "1 to 1024"],
    ["SPILLWAY_DRAIN_SECONDS", "3601", "0 to 3600"],
  ])("refuses %s=%s", (name, value, range) => {
    const error = `${name}: expected a whole number from ${range}`;
    expect(readConfiguration({ [name]: value })).toEqual({ ok: false, error });
  });

  it("names every fault in one line", () => {
    const check = readConfiguration({ PORT: "x", SPILLWAY_QUEUE_LENGTH: "y" });
    expect(check.ok || check.error).toMatch(/^PORT: .*; SPILLWAY_QUEUE_LENGTH: [^\n]*$/);
  });
});

describe("helpText", () => {
  it("tells every variable and its default", () => {
    const help = helpText();
    for (const name of ["PORT", "SAGEMAKER_BIND_TO_PORT", "HOST", "SPILLWAY_MODEL", "SPILLWAY_QUEUE_LENGTH"]) {
      expect(help).toMatch(new RegExp(`^  ${name} `, "m"));
    }
    expect(help).toContain("(default 8080)");
    expect(help).not.toContain("undefined");
  });
});
