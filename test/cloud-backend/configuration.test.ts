import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SETTINGS } from "../../cloud-backend/src/configuration/settings.ts";
import { helpText, readConfiguration } from "../../cloud-backend/src/configuration.ts";

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spillway-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** A file in a folder of its own. */
async function fileWith(content: unknown): Promise<string> {
  const home = join(folder, String(files++));
  await mkdir(home);
  const path = join(home, "spillway.json");
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

async function read(environment: Record<string, string>) {
  return readConfiguration(environment, join(folder, "nothing-here"));
}

async function errorOf(environment: Record<string, string>): Promise<string> {
  const check = await read(environment);
  return check.ok ? expect.fail("expected a problem") : check.error;
}

describe("defaults", () => {
  it("are there for everything, and listen on this machine alone", async () => {
    const check = await read({});
    if (!check.ok) return expect.fail(check.error);
    const { models, serving, ...rest } = check.value;
    expect(rest).toEqual({
      port: 8080,
      host: "127.0.0.1",
      drainMs: 20_000,
      token: undefined,
      adminToken: undefined,
      logLevel: "info",
      tracing: null,
    });
    expect(serving).toEqual({
      providers: ["cpu"],
      instances: 1,
      inferenceThreads: Math.max(1, availableParallelism() - 1),
      batching: { maxBatch: 32, delayMs: 2, preferredSizes: [1, 2, 4, 8, 16, 32], isPadded: false },
      admission: { maxRequests: 64, maxBytes: 268_435_456 },
    });
    expect(models).toEqual({ kind: "folder", path: expect.stringMatching(/models\/cifar100$/) });
    expect("path" in models && isAbsolute(models.path)).toBe(true);
  });

  it("share the cores among the instances", async () => {
    const check = await read({ SPILLWAY_INSTANCES: "3" });
    const threads = Math.max(1, Math.floor((availableParallelism() - 1) / 3));
    expect(check).toMatchObject({ value: { serving: { instances: 3, inferenceThreads: threads } } });
  });
});

describe("the environment", () => {
  it("is taken as given", async () => {
    const check = await read({
      PORT: "0",
      HOST: "0.0.0.0",
      SPILLWAY_MODEL: "some/folder",
      SPILLWAY_PROVIDERS: "cuda, cpu",
      SPILLWAY_INSTANCES: "2",
      SPILLWAY_INFERENCE_THREADS: "3",
      SPILLWAY_MAX_BATCH: "24",
      SPILLWAY_BATCH_DELAY_MS: "0.5",
      SPILLWAY_PREFERRED_BATCHES: "8,4",
      SPILLWAY_PADDING: "off",
      SPILLWAY_QUEUE_LENGTH: "1",
      SPILLWAY_QUEUE_MEGABYTES: "26",
      SPILLWAY_TOKEN: "abc.DEF-1",
      SPILLWAY_ADMIN_TOKEN: "ghi.JKL-2",
      SPILLWAY_DRAIN_SECONDS: "0",
      SPILLWAY_LOG_LEVEL: "silent",
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/",
      OTEL_SERVICE_NAME: "gpu",
      HOME: "/root",
    });
    expect(check).toEqual({
      ok: true,
      value: {
        port: 0,
        host: "0.0.0.0",
        models: { kind: "folder", path: resolve("some/folder") },
        serving: {
          providers: ["cuda", "cpu"],
          instances: 2,
          inferenceThreads: 3,
          batching: { maxBatch: 24, delayMs: 0.5, preferredSizes: [4, 8, 24], isPadded: false },
          admission: { maxRequests: 1, maxBytes: 26 * 1_048_576 },
        },
        drainMs: 0,
        token: "abc.DEF-1",
        adminToken: "ghi.JKL-2",
        logLevel: "silent",
        tracing: { endpoint: "http://collector:4318/v1/traces", serviceName: "gpu" },
      },
    });
  });

  it("lets SageMaker's port win, and takes empty for not set", async () => {
    expect(await read({ PORT: "9000", SAGEMAKER_BIND_TO_PORT: "9001" })).toMatchObject({ value: { port: 9001 } });
    expect(await read({ PORT: "9000", SAGEMAKER_BIND_TO_PORT: "" })).toMatchObject({ value: { port: 9000 } });
    expect(await read({ PORT: "", HOST: "" })).toMatchObject({ value: { port: 8080, host: "127.0.0.1" } });
  });

  it("sends traces to their own URL where there is one", async () => {
    const own = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://traces/in" };
    for (const environment of [own, { ...own, OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector" }]) {
      expect(await read(environment)).toMatchObject({ value: { tracing: { endpoint: "http://traces/in" } } });
    }
  });

  it.each([
    ["cuda", true],
    ["tensorrt,cuda,cpu", true],
    ["cpu", false],
    ["cpu,cuda", false],
  ])("with the providers %s, padding %s by default", async (providers, isPadded) => {
    const check = await read({ SPILLWAY_PROVIDERS: providers });
    expect(check).toMatchObject({ value: { serving: { batching: { isPadded } } } });
    expect(await read({ SPILLWAY_PROVIDERS: providers, SPILLWAY_PADDING: "on" })).toMatchObject({
      value: { serving: { batching: { isPadded: true } } },
    });
  });

  it.each([
    ["1", [1]],
    ["2", [1, 2]],
    ["24", [1, 2, 4, 8, 16, 24]],
    ["256", [1, 2, 4, 8, 16, 32, 64, 128, 256]],
  ])("with batches up to %s, prefers %j", async (maxBatch, preferredSizes) => {
    const check = await read({ SPILLWAY_MAX_BATCH: maxBatch });
    expect(check).toMatchObject({ value: { serving: { batching: { preferredSizes } } } });
  });

  const whole = (range: string) => `expected a whole number from ${range}`;
  it.each([
    ["PORT", ["0", "65535"], ["65536", "-1", "80a", "8e3", "1.5", " 80", "0x50"], whole("0 to 65535")],
    ["SAGEMAKER_BIND_TO_PORT", ["1", "65535"], ["0", "65536"], whole("1 to 65535")],
    ["SPILLWAY_KEPT_VERSIONS", ["1", "100"], ["0", "101"], whole("1 to 100")],
    ["SPILLWAY_POLL_SECONDS", ["0", "86400"], ["86401", "0.5"], whole("0 to 86400")],
    ["SPILLWAY_MAX_MODELS", ["1", "10000"], ["0", "10001"], whole("1 to 10000")],
    ["SPILLWAY_INSTANCES", ["1", "64"], ["0", "65"], whole("1 to 64")],
    ["SPILLWAY_INFERENCE_THREADS", ["1", "1024"], ["0", "1025", "1.5"], whole("1 to 1024")],
    ["SPILLWAY_MAX_BATCH", ["1", "256"], ["0", "257"], whole("1 to 256")],
    ["SPILLWAY_QUEUE_LENGTH", ["1", "10000"], ["0", "10001"], whole("1 to 10000")],
    ["SPILLWAY_QUEUE_MEGABYTES", ["26", "65536"], ["25", "65537"], whole("26 to 65536")],
    ["SPILLWAY_DRAIN_SECONDS", ["0", "3600"], ["3601"], whole("0 to 3600")],
    [
      "SPILLWAY_BATCH_DELAY_MS",
      ["0", "0.125", "1000"],
      ["1000.1", "-1", "1e2", ".5", "0.1234"],
      "expected a number from 0 to 1000",
    ],
    ["SPILLWAY_PADDING", ["auto", "on", "off"], ["true", "On"], "expected auto, on or off"],
    [
      "SPILLWAY_LOG_LEVEL",
      ["trace", "fatal", "silent"],
      ["verbose"],
      "expected trace, debug, info, warn, error, fatal or silent",
    ],
    ["SPILLWAY_PROVIDERS", ["cuda", "tensorrt,cpu"], ["gpu"], "0: expected cuda, tensorrt or cpu"],
    ["SPILLWAY_PROVIDERS", [], ["cpu,cpu"], "expected each of them once"],
    ["SPILLWAY_PROVIDERS", [], ["cuda,"], "1: expected cuda, tensorrt or cpu"],
    ["SPILLWAY_PREFERRED_BATCHES", ["1", "1,32"], ["0,1"], `0: ${whole("1 to 256")}`],
    ["SPILLWAY_PREFERRED_BATCHES", [], ["33", "1,33"], "expected sizes up to the largest batch, 32, got 33"],
    ["SAGEMAKER_MULTI_MODEL", ["true", "false"], ["1", "TRUE"], "expected true or false"],
    ["SPILLWAY_ADMIN_TOKEN", ["x"], ["a b"], "expected letters, digits and . _ ~ + / = -"],
    ["SPILLWAY_TOKEN", ["x"], ["a b", "ä"], "expected letters, digits and . _ ~ + / = -"],
    [
      "OTEL_EXPORTER_OTLP_ENDPOINT",
      ["https://x/y"],
      ["collector:4318", "grpc://x", "x"],
      "expected an http or https URL",
    ],
  ])("%s: takes %j, refuses %j", async (name, good, bad, message) => {
    for (const value of good) expect(await read({ [name]: value }), value).toMatchObject({ ok: true });
    for (const value of bad) expect(await errorOf({ [name]: value }), value).toBe(`${name}: ${message}`);
  });

  it("names every fault in one line", async () => {
    const error = await errorOf({
      PORT: "x",
      SPILLWAY_QUEUE_LENGTH: "y",
      SPILLWAY_MODEL: "a",
      SPILLWAY_REPOSITORY: "b",
    });
    expect(error).toMatch(/^PORT: .*; SPILLWAY_QUEUE_LENGTH: .*; expected at most one of .*$/);
  });

  it("is told of a slip of the pen, and not of names that are somebody else's", async () => {
    expect(await errorOf({ SPILLWAY_MAX_BATCHES: "1" })).toBe(
      "SPILLWAY_MAX_BATCHES: unknown; did you mean SPILLWAY_MAX_BATCH?",
    );
    expect(await errorOf({ SPILLWAY_CONFG: "x" })).toMatch(/did you mean SPILLWAY_CONFIG\?$/);
    // What Kubernetes sets for a service called spillway-model.
    const foreign = { SPILLWAY_MODEL_SERVICE_HOST: "10.0.0.1", SPILLWAY_MODEL_PORT: "tcp://10.0.0.1:80", ORT: "1" };
    expect(await read(foreign)).toMatchObject({ ok: true });
  });
});

describe("models", () => {
  const versions = { kind: "versions", keptVersions: 1, pollMs: 5000 };

  it("come from a directory of versions", async () => {
    expect(await read({ SPILLWAY_REPOSITORY: "/models" })).toMatchObject({
      value: { models: { ...versions, path: "/models" } },
    });
    expect(
      await read({ SPILLWAY_REPOSITORY: "models", SPILLWAY_KEPT_VERSIONS: "2", SPILLWAY_POLL_SECONDS: "0" }),
    ).toMatchObject({ value: { models: { kind: "versions", path: resolve("models"), keptVersions: 2, pollMs: 0 } } });
  });

  it("come and go in SageMaker's multi-model mode", async () => {
    expect(await read({ SAGEMAKER_MULTI_MODEL: "true" })).toMatchObject({
      value: { models: { kind: "multi-model", maxModels: 16, root: "/opt/ml/models" } },
    });
    expect(await read({ SAGEMAKER_MULTI_MODEL: "true", SPILLWAY_MODELS_ROOT: "here" })).toMatchObject({
      value: { models: { kind: "multi-model", root: resolve("here") } },
    });
    expect(await read({ SAGEMAKER_MULTI_MODEL: "false", SPILLWAY_MODEL: "/m" })).toMatchObject({
      value: { models: { kind: "folder", path: "/m" } },
    });
  });

  it.each([
    [{ SPILLWAY_MODEL: "a", SPILLWAY_REPOSITORY: "b" }, "SPILLWAY_MODEL, SPILLWAY_REPOSITORY"],
    [{ SPILLWAY_MODEL: "a", SAGEMAKER_MULTI_MODEL: "true" }, "SPILLWAY_MODEL, SAGEMAKER_MULTI_MODEL"],
    [{ SPILLWAY_REPOSITORY: "a", SAGEMAKER_MULTI_MODEL: "true" }, "SPILLWAY_REPOSITORY, SAGEMAKER_MULTI_MODEL"],
  ])("come from one place: %j", async (environment, names) => {
    expect(await errorOf(environment)).toBe(`expected at most one of ${names}`);
  });

  it("lie where SageMaker puts them, unless something is set", async () => {
    const one = join(folder, "one");
    const many = join(folder, "many");
    await mkdir(one);
    await writeFile(join(one, "manifest.json"), "{}");
    await mkdir(join(many, "17"), { recursive: true });
    expect(await readConfiguration({}, one)).toMatchObject({ value: { models: { kind: "folder", path: one } } });
    expect(await readConfiguration({}, many)).toMatchObject({ value: { models: { ...versions, path: many } } });
    expect(await readConfiguration({ SPILLWAY_MODEL: "/m" }, one)).toMatchObject({ value: { models: { path: "/m" } } });
    expect(await readConfiguration({ SAGEMAKER_MULTI_MODEL: "true" }, one)).toMatchObject({
      value: { models: { kind: "multi-model" } },
    });
  });

  it("are the shipped ones where SageMaker put nothing that is a model", async () => {
    const other = join(folder, "other");
    await mkdir(join(other, "v1"), { recursive: true });
    await mkdir(join(other, "0"));
    expect(await readConfiguration({}, other)).toMatchObject({
      value: { models: { kind: "folder", path: expect.stringMatching(/models\/cifar100$/) } },
    });
  });
});

describe("a configuration file", () => {
  it("has the same settings in camel case, as text, numbers or lists", async () => {
    const path = await fileWith({
      port: 9000,
      host: "::1",
      repository: "versions",
      providers: ["tensorrt", "cuda", "cpu"],
      maxBatch: "64",
      batchDelayMs: 1.5,
      preferredBatches: [16, 32],
      drainSeconds: 7,
      otelExporterOtlpEndpoint: "http://collector",
    });
    expect(await read({ SPILLWAY_CONFIG: path })).toMatchObject({
      ok: true,
      value: {
        port: 9000,
        host: "::1",
        models: { kind: "versions", path: join(path, "../versions") },
        serving: {
          providers: ["tensorrt", "cuda", "cpu"],
          batching: { maxBatch: 64, delayMs: 1.5, preferredSizes: [16, 32, 64], isPadded: true },
        },
        drainMs: 7000,
        tracing: { endpoint: "http://collector/v1/traces", serviceName: "spillway-backend" },
      },
    });
  });

  it("is outweighed by the environment, also in which models to serve", async () => {
    const path = await fileWith({ port: 9000, queueLength: 5, model: "in-file" });
    const check = await read({ SPILLWAY_CONFIG: path, PORT: "9001", SPILLWAY_REPOSITORY: "/versions" });
    expect(check).toMatchObject({
      value: {
        port: 9001,
        models: { kind: "versions", path: "/versions" },
        serving: { admission: { maxRequests: 5 } },
      },
    });
  });

  it("is refused with all that is wrong with it, each by its name there", async () => {
    const path = await fileWith({ prot: 1, maxBatchSize: 1, zebra: 1, queueLength: 0, preferredBatches: [99] });
    expect(await errorOf({ SPILLWAY_CONFIG: path })).toBe(
      [
        `${path}: unknown setting "prot"; did you mean "port"?`,
        `${path}: unknown setting "maxBatchSize"; did you mean "maxBatch"?`,
        `${path}: unknown setting "zebra"; --help lists them`,
        `${path}: queueLength: expected a whole number from 1 to 10000`,
        `${path}: preferredBatches: expected sizes up to the largest batch, 32, got 99`,
      ].join("; "),
    );
  });

  it.each([
    ["no JSON", "{", "expected JSON"],
    ["no object", "[]", "expected record"],
    ["a flag", { padding: true }, "padding: expected text, a number, or a list of them"],
    ["an object", { port: { number: 1 } }, "port: "],
    ["nothing", { port: null }, "port: "],
    ["empty text", { model: "" }, "model: expected text that is not empty"],
    ["a fraction for a whole number", { port: 1.5 }, "port: expected a whole number"],
    ["too many bytes", `${" ".repeat(65_535)}{}`, "expected at most 65536 bytes, got 65537"],
  ])("of %s is refused", async (_, content, problem) => {
    const path = await fileWith(content);
    const error = await errorOf({ SPILLWAY_CONFIG: path });
    expect(error.startsWith(path)).toBe(true);
    expect(error).toContain(problem);
    expect(error).not.toContain("\n");
  });

  it("of as many bytes as it may have is read", async () => {
    const path = await fileWith(`${" ".repeat(65_534)}{}`);
    expect(await read({ SPILLWAY_CONFIG: path })).toMatchObject({ ok: true });
  });

  it("has to be a file that is there", async () => {
    expect(await errorOf({ SPILLWAY_CONFIG: join(folder, "absent.json") })).toMatch(/absent\.json: ENOENT/);
    expect(await errorOf({ SPILLWAY_CONFIG: folder })).toBe(`${folder}: expected a file`);
  });
});

describe("the settings", () => {
  it("are called in the file as the variables are, without SPILLWAY_", () => {
    for (const [key, { variable }] of Object.entries(SETTINGS)) {
      const words = variable.replace(/^SPILLWAY_/, "").toLowerCase();
      expect(key).toBe(words.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()));
    }
  });

  it("have defaults that they would take", () => {
    for (const { schema, fallback } of Object.values(SETTINGS)) {
      if (fallback !== null) expect(schema.safeParse(fallback).success).toBe(true);
    }
  });
});

describe("helpText", () => {
  it("tells every variable and its default, in lines that fit a terminal", () => {
    const help = helpText();
    for (const { variable, fallback } of Object.values(SETTINGS)) {
      const described = help.split(new RegExp(`^  ${variable} +`, "m"))[1].split(/^ {2}\w/m)[0];
      if (fallback !== null) expect(described.replace(/\s+/g, " ")).toContain(`(default ${fallback})`);
    }
    expect(help).toMatch(/^ {2}SPILLWAY_CONFIG +\S/m);
    for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
    expect(help).not.toMatch(/undefined|null/);
  });
});
