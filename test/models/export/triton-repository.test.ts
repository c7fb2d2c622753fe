import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { type Place, placeOf, type TritonModel, writeModel } from "../../../models/src/export/triton-repository.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";

const { folder, write } = temporaryFolder();
const model: TritonModel = {
  name: "large",
  config: 'name: "large"\n',
  labels: "apple\npear\n",
  graph: new Uint8Array([1, 2, 3]),
};

let count = 0;
const unused = () => path.join(folder, `repository-${++count}`);

/** A repository that holds version 1. */
async function written(): Promise<string> {
  const repository = unused();
  await writeModel(repository, model, "1", "new");
  return repository;
}

const place = (repository: string, version = "1", isForced = false, wanted = model): Promise<Place> =>
  placeOf(repository, [wanted], version, isForced);

describe("placeOf", () => {
  it("takes a folder that is empty or not there", async () => {
    const empty = unused();
    mkdirSync(empty);
    expect(await place(empty)).toBe("new");
    expect(await place(unused())).toBe("new");
  });

  it("takes another version of the same model, once", async () => {
    const repository = await written();
    expect(await place(repository, "2")).toBe("added-version");
    expect(await lineOf(() => place(repository, "1"))).toBe(
      `${repository}/large/1: exists; give another --version, or --force to overwrite it`,
    );
  });

  it("changes nothing that other versions share", async () => {
    const repository = await written();
    const change = { config: 'name: "other"\n', labels: "apple\n" };
    for (const [changed, files] of [
      [{ config: change.config }, "config.pbtxt"],
      [{ labels: change.labels }, "labels.txt"],
      [change, "config.pbtxt and labels.txt"],
    ] as const) {
      const refused = await lineOf(() => place(repository, "2", false, { ...model, ...changed }));
      expect(refused).toBe(`${repository}/large: ${files} would change for all versions; --force overwrites`);
    }
  });

  it("leaves other files alone unless it is forced", async () => {
    const repository = unused();
    mkdirSync(repository);
    write(`repository-${count}/notes.txt`, "mine");
    expect(await lineOf(() => place(repository))).toMatch(
      /: expected an empty folder or a repository of this model; --force/,
    );
    expect(await place(repository, "1", true)).toBe("overwritten");
  });

  it("refuses a file in one line", async () => {
    const file = write("file", "");
    expect(await lineOf(() => place(file))).toBe(`${file}: cannot be written (ENOTDIR)`);
  });
});

describe("writeModel", () => {
  it("writes the configuration, the labels and the version, and nothing else", async () => {
    const repository = unused();
    const files = await writeModel(repository, model, "7", "new");
    expect(files).toEqual(["large/labels.txt", "large/config.pbtxt", "large/7/model.onnx"]);
    const found = readdirSync(repository, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(found.map((entry) => path.relative(repository, path.join(entry.parentPath, entry.name))).toSorted()).toEqual(
      files.toSorted(),
    );
    expect(readFileSync(path.join(repository, files[2]))).toEqual(Buffer.from(model.graph));
  });

  it("adds a version without touching what the others share", async () => {
    const repository = await written();
    await rm(path.join(repository, "large/labels.txt"));
    expect(await writeModel(repository, model, "2", "added-version")).toEqual(["large/2/model.onnx"]);
    expect(readdirSync(path.join(repository, "large")).toSorted()).toEqual(["1", "2", "config.pbtxt"]);
  });

  it("replaces a version that is there when forced", async () => {
    const repository = await written();
    const graph = new Uint8Array([9]);
    await writeModel(repository, { ...model, config: "new", graph }, "1", "overwritten");
    expect(await readFile(path.join(repository, "large/1/model.onnx"))).toEqual(Buffer.from(graph));
    expect(await readFile(path.join(repository, "large/config.pbtxt"), "utf8")).toBe("new");
    expect(readdirSync(path.join(repository, "large/1"))).toEqual(["model.onnx"]);
  });

  it("ends in one line where a file is in the way, and leaves no half of a version", async () => {
    const file = write("in-the-way", "");
    expect(await lineOf(() => writeModel(file, model, "1", "overwritten"))).toBe(
      `${file}/large: cannot be written (ENOTDIR)`,
    );
    const repository = await written();
    write(`repository-${count}/large/2`, "");
    expect(await lineOf(() => writeModel(repository, model, "2", "added-version"))).toMatch(
      /large\/2\/model\.onnx: cannot be/,
    );
    expect(readdirSync(path.join(repository, "large")).toSorted()).toEqual(["1", "2", "config.pbtxt", "labels.txt"]);
  });
});
