import { existsSync, readdirSync } from "node:fs";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { cloudGraphs } from "@spillway/shared/schema/cloud-graphs";
import { type Manifest, manifestSchema } from "@spillway/shared/schema/manifest";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { run } from "../../../models/src/commands/export.ts";
import { sha256Hex } from "../../../models/src/sha256.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { SMALL_TAIL_FILE, smallTail, withSmallTail } from "../../setup/small-tail.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";
import { parseTextFormat, word } from "../export/text-format.ts";
import { captureOutput, ROOT, spillway } from "./command.ts";

const output = captureOutput();
const { folder } = temporaryFolder();
const MODEL = path.join(ROOT, "models/cifar100");
const manifest = manifestSchema.parse(JSON.parse(await readFile(path.join(MODEL, "manifest.json"), "utf8")));
const { large } = manifest.cloud;

let count = 0;
const unused = () => path.join(folder, `repository-${++count}`);
const triton = (...args: string[]) => run(["triton", "--model", MODEL, ...args]);
const read = (...parts: string[]) => readFile(path.join(...parts), "utf8");

/** A copy of the shipped model's cloud half with a change in its manifest. */
async function changedModel(change: (manifest: Record<string, unknown> & { cloud: { large: object } }) => void) {
  const copy = path.join(folder, `model-${++count}`);
  for (const file of ["manifest.json", large.file]) await cp(path.join(MODEL, file), path.join(copy, file));
  const changed = JSON.parse(await read(copy, "manifest.json"));
  change(changed);
  await writeFile(path.join(copy, "manifest.json"), JSON.stringify(changed));
  return copy;
}

/** A family of graphs of test/vectors, the small tail among them, with a change in its manifest. */
async function modelWithTail(change: (manifest: Manifest) => void = () => {}) {
  const model = path.join(folder, `model-${++count}`);
  const meanColour = path.join(ROOT, "test/vectors/graphs/mean-colour.onnx");
  await cp(meanColour, path.join(model, "large.onnx"));
  await cp(SMALL_TAIL_FILE, path.join(model, "tail.onnx"));
  const withTail = structuredClone(await withSmallTail(manifest));
  const preprocessing = { ...large.preprocessing, width: 4, height: 4 };
  withTail.cloud.large = { ...large, file: "large.onnx", sha256: sha256Hex(await readFile(meanColour)), preprocessing };
  change(withTail);
  await writeFile(path.join(model, "manifest.json"), JSON.stringify(withTail));
  return model;
}

describe("spillway export triton", () => {
  it("writes a repository that serves the shipped model, and a service for it", async () => {
    const out = unused();
    await triton("--out", out, "--gpu", "--instances", "2", "--max-batch", "32", "--delay-us", "0", "--json");
    expect(JSON.parse(output.stdout)).toEqual({
      repository: out,
      version: "1",
      place: "new",
      models: cloudGraphs(manifest).map(({ name, sha256 }) => {
        return { name, sha256, files: [`${name}/labels.txt`, `${name}/config.pbtxt`, `${name}/1/model.onnx`] };
      }),
      inferenceService: "spillway-cifar100",
    });
    const { height, width } = large.preprocessing;
    expect(parseTextFormat(await read(out, "large/config.pbtxt"))).toMatchObject({
      name: "large",
      max_batch_size: 32,
      input: [
        {
          name: large.input.name,
          data_type: word(`TYPE_${large.input.datatype}`),
          dims: large.input.layout === "NHWC" ? [height, width, 3] : [3, height, width],
        },
      ],
      output: [{ name: large.logits, data_type: word("TYPE_FP32"), dims: [100], label_filename: "labels.txt" }],
      instance_group: [{ count: 2, kind: word("KIND_GPU") }],
      dynamic_batching: { max_queue_delay_microseconds: 0 },
    });
    expect((await read(out, "large/labels.txt")).split("\n")).toEqual([...manifest.labels, ""]);
    expect(sha256Hex(await readFile(path.join(out, "large/1/model.onnx")))).toBe(large.sha256);
    expect(parse(await read(out, "inference-service.yaml"))).toMatchObject({
      metadata: { name: "spillway-cifar100" },
      spec: { predictor: { minReplicas: 1, maxReplicas: 4, scaleTarget: 32 } },
    });
  });

  it("writes the tail beside the large model, with the same batching", async () => {
    const [out, model] = [unused(), await modelWithTail()];
    await run(["triton", "--model", model, "--out", out, "--max-batch", "16", "--json"]);
    const { models } = JSON.parse(output.stdout);
    expect(models).toMatchObject([{ name: "large" }, { name: "tail", sha256: (await smallTail()).sha256 }]);
    expect(models[1].files).toEqual(["tail/labels.txt", "tail/config.pbtxt", "tail/1/model.onnx"]);
    const config = parseTextFormat(await read(out, "tail/config.pbtxt"));
    expect(config).toMatchObject({
      name: "tail",
      max_batch_size: 16,
      input: [
        { name: "codes", data_type: word("TYPE_UINT8"), dims: [4, 3, 2] },
        { name: "ranges", data_type: word("TYPE_FP32"), dims: [4, 2] },
        { name: "setting", data_type: word("TYPE_INT64"), dims: [1] },
      ],
      output: [{ name: "logits", data_type: word("TYPE_FP32"), dims: [3], label_filename: "labels.txt" }],
    });
    const { dynamic_batching: batching } = parseTextFormat(await read(out, "large/config.pbtxt"));
    expect(config.dynamic_batching).toEqual(batching);
    expect(await read(out, "tail/labels.txt")).toBe("red\ngreen\nblue\n");
    expect(sha256Hex(await readFile(path.join(out, "tail/1/model.onnx")))).toBe((await smallTail()).sha256);
  });

  it("writes nothing of a model whose tail is not what the manifest says", async () => {
    const out = unused();
    const model = await modelWithTail(({ edge }) => {
      edge.stages[0].features = { name: "features1", shape: [4, 2, 3] };
    });
    expect(await lineOf(() => run(["triton", "--model", model, "--out", out]))).toMatch(
      /tail\.onnx: the manifest promises input "codes" UINT8 \[-1, 4, 2, 3\], .*the graph has "codes" UINT8 \[-1, 4, 3, 2\]/,
    );
    expect(existsSync(out)).toBe(false);
  });

  it("tells what to do with it", async () => {
    const out = unused();
    await triton("--out", out, "--storage-uri", "gs://bucket/models", "--min-replicas", "6");
    expect(output.stdout).toContain(`-v ${out}:/models:ro`);
    expect(output.stdout).not.toContain("--gpus");
    expect(output.stdout).toContain("copied to gs://bucket/models");
    expect(parse(await read(out, "inference-service.yaml"))).toMatchObject({
      spec: { predictor: { minReplicas: 6, maxReplicas: 6, model: { storageUri: "gs://bucket/models" } } },
    });
  });

  it("adds a version, and overwrites only when it is forced", async () => {
    const out = unused();
    await triton("--out", out);
    const service = "kept";
    await writeFile(path.join(out, "inference-service.yaml"), service);
    expect(await lineOf(() => triton("--out", out))).toMatch(/large\/1: exists; give another --version/);
    await triton("--out", out, "--version", "2");
    expect(readdirSync(path.join(out, "large")).toSorted()).toEqual(["1", "2", "config.pbtxt", "labels.txt"]);
    expect(await read(out, "inference-service.yaml")).toBe(service);
    expect(await lineOf(() => triton("--out", out, "--version", "3", "--max-batch", "8"))).toMatch(
      /config\.pbtxt would change for all versions/,
    );
    await triton("--out", out, "--version", "3", "--max-batch", "8", "--force");
    expect(parseTextFormat(await read(out, "large/config.pbtxt"))).toMatchObject({ max_batch_size: 8 });
    expect(await read(out, "inference-service.yaml")).not.toBe(service);
  });

  it("writes nothing of a file that is not the manifest's", async () => {
    const out = unused();
    const other = await changedModel(() => {});
    await writeFile(path.join(other, large.file), "other");
    expect(await lineOf(() => run(["triton", "--model", other, "--out", out]))).toBe(
      `${path.join(other, large.file)}: SHA-256 differs from manifest.json`,
    );
    await rm(path.join(other, large.file));
    expect(await lineOf(() => run(["triton", "--model", other, "--out", out]))).toMatch(/large\.onnx: cannot be read/);
    expect(existsSync(out)).toBe(false);
  });

  it("writes nothing of a graph that the manifest describes wrongly", async () => {
    const out = unused();
    const other = await changedModel((changed) => {
      Object.assign(changed.cloud.large, { logits: "scores" });
    });
    expect(await lineOf(() => run(["triton", "--model", other, "--out", out]))).toBe(
      `${path.join(other, large.file)}: the manifest promises output "scores" FP32 [-1, 100], the graph has "logits" FP32 [-1, 100]`,
    );
    expect(existsSync(out)).toBe(false);
  });

  it("refuses labels that its file cannot hold", async () => {
    const other = await changedModel((changed) => {
      changed.labels = ["two\nlines", ...manifest.labels.slice(1)];
    });
    expect(await lineOf(() => run(["triton", "--model", other, "--out", unused()]))).toMatch(/more than one line$/);
  });

  it.each([
    [["--version", "0"], "--version: expected a number from 1"],
    [["--version", "01"], "--version"],
    [["--version", "1.5"], "--version"],
    [["--version", "1000000000"], "--version"],
    [["--instances", "0"], "--instances: expected a number from 1 to 64"],
    [["--instances", "65"], "--instances"],
    [["--instances", "1.5"], "--instances: expected a whole number"],
    [["--max-batch", "0"], "--max-batch"],
    [["--max-batch", "1025"], "--max-batch"],
    [["--delay-us=-1"], "--delay-us"],
    [["--delay-us", "1000001"], "--delay-us"],
    [["--min-replicas", "1001"], "--min-replicas"],
    [["--max-replicas", "0"], "--max-replicas: expected a number from 1"],
    [["--min-replicas", "3", "--max-replicas", "2"], "--max-replicas: expected at least --min-replicas, which is 3"],
    [["--target-concurrency", "0"], "--target-concurrency"],
    [["--storage-uri", "bucket/path"], "--storage-uri: expected a URI"],
    [["--storage-uri", "s3://bucket/a b"], "--storage-uri"],
    [["somewhere"], 'unexpected "somewhere"'],
    [["--unknown"], "--unknown"],
  ])("refuses %j before it writes", async (args, message) => {
    const out = unused();
    const refused = triton("--out", out, ...args);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(message);
    expect(existsSync(out)).toBe(false);
  });

  it("needs a place, and a server that it knows", async () => {
    await expect(triton()).rejects.toThrow(new UsageError("--out is needed; see spillway export triton --help"));
    await expect(run(["tensorflow"])).rejects.toThrow(
      new UsageError('no command "export tensorflow"; see spillway export --help'),
    );
    await run(["--help"]);
    await run(["triton", "--help"]);
    expect(output.stdout).toMatch(/ triton {4}a model repository.* --out REPOSITORY /s);
  });

  it("is a command of spillway", async () => {
    const finished = await spillway("export", "triton", "--out", "package.json");
    expect(finished).toEqual({ code: 1, stdout: "", stderr: "spillway: package.json: cannot be written (ENOTDIR)\n" });
  });
});
