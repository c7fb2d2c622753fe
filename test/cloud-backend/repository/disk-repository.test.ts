// What is served as versions come, change and go on disk, with real folders, threads and sessions.
import { rename, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { GraphDescription } from "../../../cloud-backend/src/inference/graph-description.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";
import { startModel } from "../../../cloud-backend/src/inference/start-model.ts";
import { DiskRepository, type DiskRepositoryOptions } from "../../../cloud-backend/src/repository/disk-repository.ts";
import { openRepository } from "../../../cloud-backend/src/repository/open-repository.ts";
import { readVersionFolder, type VersionFolder } from "../../../cloud-backend/src/repository/version-folder.ts";
import { Gate } from "../setup/gate.ts";
import { SERVING } from "../setup/graphs.ts";
import {
  answerToWhite,
  eventLog,
  graphBytes,
  startSmallModel,
  temporaryFolder,
  writeModel,
} from "../setup/model-folders.ts";
import { placeIn } from "../setup/place.ts";

/** What the two graphs answer to a white picture. */
const SINGLE = 255;
const DOUBLED = 510;

describe("a directory of versions", () => {
  it("is not ready before the first look, and serves the newest version then", async () => {
    const { directory, repository, log } = await versions();
    await writeModel(join(directory, "2"), "mean-colour-doubled");
    await writeModel(join(directory, "10"));
    expect(repository.isReady()).toBe(false);
    expect(repository.find("large")).toMatchObject({ ok: false, reason: "not-ready" });
    expect(await repository.scan()).toEqual({ ok: true, value: null });
    expect(repository.isReady()).toBe(true);
    expect(await answer(repository)).toBe(SINGLE);
    expect(log.names()).toEqual(["model-loaded 10"]);
    expect(repository.index()).toEqual([
      { name: "large", version: "2", state: "UNAVAILABLE", reason: "a newer version is served" },
      { name: "large", version: "10", state: "READY", reason: "" },
    ]);
    expect(repository.versions("large")).toEqual(repository.models());
    expect(repository.versions("large").map(({ version }) => version)).toEqual(["10"]);
  });

  it("tells apart what is not loaded from what is not there", async () => {
    const { repository } = await serving("1", "2");
    expect(repository.find("large", "2").ok).toBe(true);
    expect(repository.find("large", "1")).toMatchObject({ ok: false, reason: "not-ready" });
    expect(repository.find("large", "3")).toMatchObject({ ok: false, reason: "not-found" });
    expect(repository.find("large", "01")).toMatchObject({ ok: false, reason: "not-found" });
    expect(repository.find("small")).toMatchObject({ ok: false, reason: "not-found" });
    expect(repository.versions("small")).toEqual([]);
  });

  it("serves the old version until the new one is warm; then the old one answers what it has accepted", async () => {
    const { directory, repository, log } = await serving("1");
    const old = found(repository);
    const ticket = placeIn(old);
    await writeModel(join(directory, "2"), "mean-colour-doubled");
    const scanned = repository.scan();
    await expect.poll(() => repository.index()).toMatchObject([{ state: "READY" }, { state: "LOADING" }]);
    expect(found(repository)).toBe(old);
    await expect.poll(() => repository.index()).toMatchObject([{ state: "UNLOADING" }, { state: "READY" }]);
    expect(await answer(repository)).toBe(DOUBLED);
    expect(repository.find("large", "1")).toMatchObject({ ok: false, reason: "not-ready" });
    expect(repository.isReady()).toBe(true);
    expect(await answerToWhite(old)).toBe(SINGLE);
    ticket.leave();
    await scanned;
    expect(old.isReady()).toBe(false);
    expect(log.names()).toEqual(["model-loaded 1", "model-loaded 2", "model-unloaded 1"]);
  });

  it.each([
    ["a manifest that is half written", (folder: string) => truncate(join(folder, "manifest.json"), 1000), /JSON/],
    ["no graph", (folder: string) => rm(join(folder, "large.onnx")), /large\.onnx: ENOENT/],
    ["half a graph", (folder: string) => truncate(join(folder, "large.onnx"), 99), /306 bytes, the file has 99/],
    ["another graph", (folder: string) => writeFile(join(folder, "large.onnx"), new Uint8Array(306)), /SHA-256/],
  ])("keeps the good version when the new one has %s, and takes the new one when it is whole", async (...row) => {
    const [, spoil, problem] = row;
    const { directory, repository, log } = await serving("1");
    const old = found(repository);
    const folder = await writeModel(join(directory, "2"), "mean-colour-doubled");
    await spoil(folder);
    expect(await repository.scan()).toMatchObject({ ok: true });
    expect(found(repository)).toBe(old);
    expect(await answerToWhite(old)).toBe(SINGLE);
    const [, broken] = repository.index();
    expect(broken).toMatchObject({ version: "2", state: "UNAVAILABLE", reason: expect.stringMatching(problem) });
    expect(broken.reason).not.toContain(directory);
    // It is tried again when its files change, and not before.
    await repository.scan();
    expect(log.names()).toEqual(["model-loaded 1", "model-not-loaded 2"]);
    await writeModel(folder, "mean-colour-doubled");
    await repository.scan();
    expect(await answer(repository)).toBe(DOUBLED);
  });

  it("keeps the good version when the new one's graph is not what its manifest promises", async () => {
    const { directory, repository } = await serving("1");
    const folder = join(directory, "2");
    await writeModel(folder, "mean-colour-doubled", { labels: ["red", "green"] });
    await repository.scan();
    expect(repository.index()[1].reason).toMatch(/the manifest promises output "logits" FP32 \[-1, 2\]/);
    expect(await answer(repository)).toBe(SINGLE);
  });

  it("falls back to an older version when the newest is broken from the start", async () => {
    const { directory, repository } = await versions();
    await writeModel(join(directory, "1"));
    await writeModel(join(directory, "2"), "too-large");
    expect(await repository.scan()).toMatchObject({ ok: true });
    expect(await answer(repository)).toBe(SINGLE);
  });

  it("says in one line why nothing can be served", async () => {
    const { directory, repository } = await versions();
    expect(await repository.scan()).toEqual({ ok: false, error: 'model "large" has no version on disk' });
    await writeFile(join(directory, "1"), "no folder");
    expect(await repository.scan()).toEqual({
      ok: false,
      error: expect.stringMatching(/^model "large", version 1: manifest\.json: ENOTDIR/),
    });
    expect(repository.isReady()).toBe(false);
  });

  it("takes a version whose files are replaced, and keeps what it was when they are broken", async () => {
    const { directory, repository, log } = await serving("1");
    await writeFile(join(directory, "1", "manifest.json"), "{");
    await repository.scan();
    expect(await answer(repository)).toBe(SINGLE);
    expect(repository.index()).toMatchObject([{ state: "READY" }]);
    const old = found(repository);
    await writeModel(join(directory, "1"), "mean-colour-doubled");
    await repository.scan();
    expect(await answer(repository)).toBe(DOUBLED);
    expect(old.isReady()).toBe(false);
    expect(log.names()).toEqual(["model-loaded 1", "model-not-loaded 1", "model-loaded 1", "model-unloaded 1"]);
  });

  it("does not load again what has only been touched, or broken and mended", async () => {
    const { directory, repository } = await serving("1");
    const model = found(repository);
    const file = join(directory, "1", "large.onnx");
    await utimes(file, 1, 1);
    await repository.scan();
    await truncate(file, 10);
    await repository.scan();
    await writeFile(file, await graphBytes("mean-colour"));
    await repository.scan();
    expect(found(repository)).toBe(model);
    expect(await repository.load("large")).toMatchObject({ ok: true });
    expect(found(repository)).toBe(model);
  });

  it("goes back to the version before when the newest is deleted", async () => {
    const { directory, repository } = await serving("1", "2");
    await rm(join(directory, "2"), { recursive: true });
    await repository.scan();
    expect(found(repository).version).toBe("1");
    expect(repository.index()).toEqual([{ name: "large", version: "1", state: "READY", reason: "" }]);
  });

  it("keeps serving when the last version is deleted, until one is there that can be loaded", async () => {
    const { directory, repository } = await serving("1");
    await rm(join(directory, "1"), { recursive: true });
    await writeModel(join(directory, "2"), "too-large");
    expect(await repository.scan()).toMatchObject({ ok: true });
    expect(await answer(repository)).toBe(SINGLE);
    expect(repository.isReady()).toBe(true);
    await writeModel(join(directory, "3"), "mean-colour-doubled");
    await repository.scan();
    expect(await answer(repository)).toBe(DOUBLED);
    expect(repository.index().map(({ version }) => version)).toEqual(["2", "3"]);
  });

  it("keeps as many versions ready as it is told, the newest ones", async () => {
    const { directory, repository } = await versions({ keptVersions: 2 });
    await writeModel(join(directory, "1"));
    await writeModel(join(directory, "2"), "mean-colour-doubled");
    await repository.scan();
    expect(found(repository).version).toBe("2");
    expect(await answerToWhite(found(repository, "1"))).toBe(SINGLE);
    await writeModel(join(directory, "3"));
    await repository.scan();
    expect(repository.versions("large").map(({ version }) => version)).toEqual(["2", "3"]);
    expect(repository.find("large", "1")).toMatchObject({ ok: false, reason: "not-ready" });
  });

  it("answers from the version before while the newest has no threads, and says what it is when none has", async () => {
    const gate = new Gate();
    gate.open();
    const start = (graph: GraphDescription) => startModel(graph, { ...SERVING, spawn: gate.spawn });
    const { directory, repository } = await versions({ keptVersions: 2, startModel: start });
    await writeModel(join(directory, "1"));
    await writeModel(join(directory, "2"));
    await repository.scan();
    const [newest, before] = gate.workers;
    await newest.terminate();
    await expect.poll(() => found(repository).version).toBe("1");
    expect(found(repository, "2").isReady()).toBe(false);
    await before.terminate();
    await expect.poll(() => repository.isReady()).toBe(false);
    expect(found(repository).version).toBe("2");
  });

  it("keeps serving while the directory cannot be read, and tells of it once", async () => {
    const { directory, repository, log } = await serving("1");
    await rename(directory, `${directory}-away`);
    expect(await repository.scan()).toEqual({ ok: false, error: expect.stringContaining("ENOENT") });
    await repository.scan();
    expect(await repository.load("large")).toMatchObject({ ok: false, reason: "internal" });
    expect(log.names()).toEqual(["model-loaded 1", "repository-unreadable"]);
    expect(await answer(repository)).toBe(SINGLE);
    await rename(`${directory}-away`, directory);
    expect(await repository.scan()).toMatchObject({ ok: true });
  });
});

describe("load and unload", () => {
  it("unloads once all is answered, and stays unloaded until told to load", async () => {
    const { directory, repository } = await serving("1");
    const model = found(repository);
    const ticket = placeIn(model);
    const unloaded = repository.unload("large");
    await expect.poll(() => repository.index()).toMatchObject([{ state: "UNLOADING" }]);
    expect(repository.find("large")).toMatchObject({ ok: false, reason: "unloaded" });
    expect(await answerToWhite(model)).toBe(SINGLE);
    ticket.leave();
    expect(await unloaded).toEqual({ ok: true, value: null });
    expect(model.isReady()).toBe(false);
    await writeModel(join(directory, "2"), "mean-colour-doubled");
    await repository.scan();
    expect(repository.index()).toEqual([
      { name: "large", version: "1", state: "UNAVAILABLE", reason: "unloaded" },
      { name: "large", version: "2", state: "UNAVAILABLE", reason: "unloaded" },
    ]);
    expect(repository.find("large")).toMatchObject({ ok: false, reason: "unloaded" });
    expect(repository.find("large", "2")).toMatchObject({ ok: false, reason: "unloaded" });
    expect(repository.find("large", "3")).toMatchObject({ ok: false, reason: "not-found" });
    expect(await repository.load("large")).toEqual({ ok: true, value: null });
    expect(await answer(repository)).toBe(DOUBLED);
  });

  it("is not ready when all is unloaded: there is nobody to answer", async () => {
    const { repository } = await serving("1");
    await repository.unload("large");
    expect(repository.isReady()).toBe(false);
    expect(repository.models()).toEqual([]);
  });

  it("knows only models that are there", async () => {
    const { repository } = await serving("1");
    expect(await repository.load("small")).toMatchObject({ ok: false, reason: "not-found" });
    expect(await repository.unload("small")).toMatchObject({ ok: false, reason: "not-found" });
  });

  it("fails to load a broken version, with its reason, while the good one serves on", async () => {
    const { directory, repository } = await serving("1");
    await writeModel(join(directory, "2"));
    await rm(join(directory, "2", "large.onnx"));
    expect(await repository.load("large")).toMatchObject({
      ok: false,
      reason: "bad-request",
      message: expect.stringMatching(/^model "large", version 2: large\.onnx: ENOENT/),
    });
    expect(await answer(repository)).toBe(SINGLE);
  });

  it("tries again what has not changed", async () => {
    const failures = [{ ok: false as const, error: "no thread could be had" }];
    const start = startSmallModel();
    const { directory, repository } = await versions({ startModel: async (graph) => failures.pop() ?? start(graph) });
    await writeModel(join(directory, "1"));
    expect(await repository.scan()).toMatchObject({ ok: false });
    expect(await repository.scan()).toMatchObject({ ok: false });
    expect(await repository.load("large")).toMatchObject({ ok: true });
    expect(await answer(repository)).toBe(SINGLE);
  });

  it("replaces a model whose threads were given up", async () => {
    const gate = new Gate();
    gate.open();
    const start = (graph: GraphDescription) => startModel(graph, { ...SERVING, spawn: gate.spawn });
    const { directory, repository } = await versions({ startModel: start });
    await writeModel(join(directory, "1"));
    await repository.scan();
    await gate.workers[0].terminate();
    await expect.poll(() => repository.isReady()).toBe(false);
    expect(repository.index()).toMatchObject([{ state: "UNAVAILABLE", reason: "its threads have ended" }]);
    await repository.scan();
    expect(gate.workers).toHaveLength(1);
    expect(await repository.load("large")).toMatchObject({ ok: true });
    expect(repository.isReady()).toBe(true);
    expect(await answer(repository)).toBe(SINGLE);
    await repository.close();
  });

  it("does one thing after the other", async () => {
    let [starting, most] = [0, 0];
    const start = startSmallModel();
    const counted = async (graph: GraphDescription) => {
      most = Math.max(most, ++starting);
      return start(graph).finally(() => starting--);
    };
    const { directory, repository, log } = await versions({ startModel: counted });
    await writeModel(join(directory, "1"));
    await Promise.all([
      repository.scan(),
      repository.scan(),
      repository.unload("large"),
      repository.load("large"),
      repository.unload("large"),
      repository.load("large"),
    ]);
    expect(most).toBe(1);
    expect(log.names()).toEqual([
      "model-loaded 1",
      "model-unloaded 1",
      "model-loaded 1",
      "model-unloaded 1",
      "model-loaded 1",
    ]);
    expect(await answer(repository)).toBe(SINGLE);
  });

  it("looks once for those who ask while it looks", async () => {
    const { repository } = await serving("1");
    const scanned = repository.scan();
    expect(repository.scan()).toBe(scanned);
    await scanned;
    expect(repository.scan()).not.toBe(scanned);
  });

  it("closes at once, whatever is under way", async () => {
    const { directory, repository } = await serving("1");
    const model = found(repository);
    await writeModel(join(directory, "2"));
    const scanned = repository.scan();
    await expect.poll(() => repository.index()).toMatchObject([{}, { state: "LOADING" }]);
    await repository.close();
    expect(model.isReady()).toBe(false);
    await scanned;
    expect(repository.isReady()).toBe(false);
  });
});

describe("one model folder", () => {
  it("is served as version 1, and says why it cannot be", async () => {
    const folder = await temporaryFolder();
    const repository = openRepository({ kind: "folder", path: folder }, options());
    expect(await repository.scan()).toEqual({
      ok: false,
      error: expect.stringMatching(/^model "large", version 1: manifest\.json: ENOENT/),
    });
    await writeModel(folder);
    expect(await repository.scan()).toEqual({ ok: true, value: null });
    expect(found(repository, "1")).toBe(found(repository));
    expect(await answer(repository)).toBe(SINGLE);
  });
});

describe("versions of two graphs", () => {
  it("serves each by its name, and what is new and broken makes nothing unready that was ready", async () => {
    const path = await writeModel(await temporaryFolder());
    const large = (await readVersionFolder(path, "1")).graphs;
    if (!large.ok) throw new Error(large.error);
    const tail = { ...large.value[0], name: "tail" };
    const folder = (version: string, graphs: GraphDescription[]): VersionFolder => {
      return { path, version, graphs: { ok: true, value: graphs }, files: [], stamp: version };
    };
    let onDisk = [folder("1", large.value)];
    const repository = new DiskRepository({ read: async () => ({ ok: true, value: onDisk }) }, options());
    await repository.scan();
    expect(repository.find("tail")).toMatchObject({ ok: false, reason: "not-found" });
    onDisk = [...onDisk, folder("2", [...large.value, { ...tail, sha256: "" }])];
    expect(await repository.scan()).toEqual({ ok: false, error: expect.stringMatching(/^model "tail", version 2: /) });
    expect(repository.isReady()).toBe(true);
    expect(repository.index()).toMatchObject([
      { name: "large", version: "1", state: "UNAVAILABLE" },
      { name: "large", version: "2", state: "READY" },
      { name: "tail", version: "2", state: "UNAVAILABLE" },
    ]);
    onDisk = [folder("3", [...large.value, tail])];
    expect(await repository.scan()).toMatchObject({ ok: true });
    expect(repository.models().map(({ name }) => name)).toEqual(["large", "tail"]);
    await repository.unload("large");
    expect(repository.find("tail").ok).toBe(true);
    expect(repository.isReady()).toBe(true);
    await Promise.all(repository.models().map((model) => model.stop()));
    expect(repository.isReady()).toBe(false);
  });
});

async function versions(changes: Partial<DiskRepositoryOptions> = {}) {
  const directory = await temporaryFolder();
  const log = eventLog();
  const repository = openRepository(
    { kind: "versions", path: directory },
    { ...options(), onEvent: log.onEvent, ...changes },
  );
  return { directory, repository, log };
}

/** Versions of the same graph, the newest of them served. */
async function serving(...names: string[]) {
  const opened = await versions();
  for (const name of names) await writeModel(join(opened.directory, name));
  await opened.repository.scan();
  return opened;
}

function options(): DiskRepositoryOptions {
  return { keptVersions: 1, drainMs: 60_000, startModel: startSmallModel(), onEvent: () => undefined };
}

function found(repository: DiskRepository, version?: string): Model {
  const model = repository.find("large", version);
  if (!model.ok) throw new Error(model.message);
  return model.value;
}

function answer(repository: DiskRepository): Promise<number> {
  return answerToWhite(found(repository));
}
