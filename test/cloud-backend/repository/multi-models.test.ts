// SageMaker's multi-model contract: which folders may come, and what becomes of the others.
import { rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MultiModels } from "../../../cloud-backend/src/repository/multi-models.ts";
import { answerToWhite, eventLog, startSmallModel, temporaryFolder, writeModel } from "../setup/model-folders.ts";
import { placeIn } from "../setup/place.ts";

describe("MultiModels", () => {
  it("is ready with nothing to serve", () => {
    const repository = repositoryFor();
    expect(repository.isReady()).toBe(true);
    expect(repository.index()).toEqual([]);
    expect(repository.find("5a3f")).toMatchObject({ ok: false, reason: "not-found" });
  });

  it("serves folders under the names that it is told", async () => {
    const repository = repositoryFor();
    const [single, doubled] = [await small("mean-colour"), await small("mean-colour-doubled")];
    expect(await repository.add("5a3f", single)).toEqual({ ok: true, value: null });
    expect(await repository.add("77b0", doubled)).toEqual({ ok: true, value: null });
    expect(repository.loaded()).toEqual([
      { name: "5a3f", url: single },
      { name: "77b0", url: doubled },
    ]);
    expect(await answer(repository, "5a3f")).toBe(255);
    expect(await answer(repository, "77b0")).toBe(510);
    expect(repository.models().map(({ name, version }) => [name, version])).toEqual([
      ["5a3f", "1"],
      ["77b0", "1"],
    ]);
  });

  it("refuses a name that is taken, also while its model is still loading", async () => {
    const repository = repositoryFor();
    const adding = repository.add("5a3f", await small("mean-colour"));
    const again = repository.add("5a3f", await small("mean-colour-doubled"));
    expect(await adding).toMatchObject({ ok: true });
    expect(await again).toMatchObject({ ok: false, reason: "already-loaded" });
    expect(await answer(repository, "5a3f")).toBe(255);
  });

  it("has room for as many models as allowed, and again after one is gone", async () => {
    const repository = repositoryFor({ maxModels: 2 });
    const folder = await small("mean-colour");
    expect((await repository.add("a", folder)).ok).toBe(true);
    expect((await repository.add("b", folder)).ok).toBe(true);
    expect(await repository.add("c", folder)).toMatchObject({ ok: false, reason: "no-room" });
    await repository.remove("a");
    expect((await repository.add("c", folder)).ok).toBe(true);
    expect(repository.loaded().map(({ name }) => name)).toEqual(["b", "c"]);
  });

  it("says that there is no room when the memory does not suffice, and serves the others", async () => {
    const repository = repositoryFor();
    await repository.add("5a3f", await small("mean-colour"));
    expect(await repository.add("77b0", await small("too-large"))).toMatchObject({ ok: false, reason: "no-room" });
    expect(repository.index()).toEqual([{ name: "5a3f", version: "1", state: "READY", reason: "" }]);
    expect(await answer(repository, "5a3f")).toBe(255);
  });

  it("forgets a folder that cannot be loaded, and takes it when it has become good", async () => {
    const repository = repositoryFor();
    const folder = await temporaryFolder();
    const missing = await repository.add("5a3f", folder);
    expect(missing).toMatchObject({ ok: false, reason: "bad-request", message: expect.stringContaining("ENOENT") });
    expect(missing.ok || missing.message).not.toContain(folder);
    await writeModel(folder);
    await writeFile(join(folder, "large.onnx"), new Uint8Array(298));
    expect(await repository.add("5a3f", folder)).toMatchObject({
      reason: "bad-request",
      message: expect.stringMatching(/^model "5a3f", version 1: large\.onnx: the manifest names SHA-256/),
    });
    expect(repository.find("5a3f")).toMatchObject({ ok: false, reason: "not-found" });
    await writeModel(folder);
    expect(await repository.add("5a3f", folder)).toMatchObject({ ok: true });
  });

  it("follows links, and stays below its root with them", async () => {
    const [root, outside] = [await temporaryFolder(), await small("mean-colour")];
    const options = { startModel: startSmallModel(), onEvent: () => undefined, drainMs: 60_000, maxModels: 8 };
    const repository = new MultiModels({ ...options, root });
    await symlink(outside, join(root, "leads-out"));
    expect(await repository.add("5a3f", join(root, "leads-out"))).toMatchObject({ ok: false, reason: "bad-request" });
    await writeModel(join(root, "model"));
    await symlink(join(root, "model"), join(root, "link"));
    expect(await repository.add("5a3f", join(root, "link"))).toMatchObject({ ok: true });
    expect(repository.loaded()).toEqual([{ name: "5a3f", url: join(root, "link") }]);
    // A link that comes to lead elsewhere takes nobody there.
    await rm(join(root, "link"));
    await symlink(await small("mean-colour-doubled"), join(root, "link"));
    expect(await repository.load("5a3f")).toMatchObject({ ok: true });
    expect(await answer(repository, "5a3f")).toBe(255);
  });

  it("removes a model once it has answered what it accepted", async () => {
    const repository = repositoryFor();
    await repository.add("5a3f", await small("mean-colour"));
    const model = repository.find("5a3f");
    if (!model.ok) throw new Error(model.message);
    const ticket = placeIn(model.value);
    const removed = repository.remove("5a3f");
    await expect.poll(() => repository.find("5a3f")).toMatchObject({ ok: false, reason: "unloaded" });
    expect(repository.loaded()).toEqual([]);
    expect(repository.index()).toMatchObject([{ state: "UNLOADING" }]);
    expect(await answerToWhite(model.value)).toBe(255);
    ticket.leave();
    expect(await removed).toMatchObject({ ok: true });
    expect(repository.index()).toEqual([]);
    expect(await repository.remove("5a3f")).toMatchObject({ ok: false, reason: "not-found" });
  });

  it("loads what a folder has become, and keeps what it was when that is broken", async () => {
    const repository = repositoryFor();
    const folder = await small("mean-colour");
    await repository.add("5a3f", folder);
    await writeFile(join(folder, "manifest.json"), "{");
    expect(await repository.load("5a3f")).toMatchObject({ ok: false, reason: "bad-request" });
    expect(await answer(repository, "5a3f")).toBe(255);
    await writeModel(folder, "mean-colour-doubled");
    expect(await repository.load("5a3f")).toMatchObject({ ok: true });
    expect(await answer(repository, "5a3f")).toBe(510);
    expect(await repository.load("77b0")).toMatchObject({ ok: false, reason: "not-found" });
  });

  it("unloads by the protocol's own name for it", async () => {
    const repository = repositoryFor();
    await repository.add("5a3f", await small("mean-colour"));
    expect(await repository.unload("5a3f")).toMatchObject({ ok: true });
    expect(repository.loaded()).toEqual([]);
    expect(await repository.unload("5a3f")).toMatchObject({ ok: false, reason: "not-found" });
  });
});

function repositoryFor({ maxModels = 8 } = {}): MultiModels {
  return new MultiModels({
    maxModels,
    root: tmpdir(),
    drainMs: 60_000,
    startModel: startSmallModel(),
    onEvent: eventLog().onEvent,
  });
}

async function small(graph: Parameters<typeof writeModel>[1]): Promise<string> {
  return writeModel(await temporaryFolder(), graph);
}

async function answer(repository: MultiModels, name: string): Promise<number> {
  const model = repository.find(name);
  if (!model.ok) throw new Error(model.message);
  return answerToWhite(model.value);
}
