import { mkdir, rename, rm, stat, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readVersionFolder } from "../../../cloud-backend/src/repository/version-folder.ts";
import { graphBytes, smallManifest, temporaryFolder, writeModel } from "../setup/model-folders.ts";

describe("readVersionFolder", () => {
  it("finds what there is to serve, also by a relative path with a slash at its end", async () => {
    const folder = await writeModel(await temporaryFolder());
    const found = await readVersionFolder(`${folder}/../${folder.split("/").at(-1)}/`, "3");
    expect(found).toMatchObject({ path: folder, version: "3" });
    expect(found.graphs).toMatchObject({
      ok: true,
      value: [{ name: "large", version: "3", path: `${folder}/large.onnx` }],
    });
  });

  it("is the same object until a file changes", async () => {
    const folder = await writeModel(await temporaryFolder());
    const first = await readVersionFolder(folder, "1");
    const second = await readVersionFolder(folder, "1", first);
    expect(second).toBe(first);
    await utimes(join(folder, "large.onnx"), 1, 1);
    const third = await readVersionFolder(folder, "1", second);
    expect(third.stamp).not.toBe(second.stamp);
    expect(third.graphs).toEqual(second.graphs);
  });

  it("notices a file that took another's place with the same length and time", async () => {
    const folder = await writeModel(await temporaryFolder());
    const file = join(folder, "large.onnx");
    await utimes(file, 1, 1);
    const first = await readVersionFolder(folder, "1");
    const { size } = await stat(file);
    await writeFile(join(folder, "other"), new Uint8Array(size));
    await utimes(join(folder, "other"), 1, 1);
    await rename(join(folder, "other"), file);
    expect(await readVersionFolder(folder, "1", first)).not.toBe(first);
  });

  it("notices that what was missing has come", async () => {
    const folder = await temporaryFolder();
    const missing = await readVersionFolder(folder, "1");
    expect(missing.graphs.ok).toBe(false);
    expect(await readVersionFolder(folder, "1", missing)).toBe(missing);
    await writeModel(folder);
    expect((await readVersionFolder(folder, "1", missing)).graphs.ok).toBe(true);
  });

  it.each([
    ["a graph that has not come yet", (file: string) => rm(file), /large\.onnx: ENOENT/],
    ["half a graph", (file: string) => truncate(file, 100), /the manifest names 298 bytes, the file has 100/],
    ["a folder for a graph", (file: string) => rm(file).then(() => mkdir(file)), /large\.onnx: expected a file/],
    ["a link to itself", (file: string) => rm(file).then(() => symlink(file, file)), /large\.onnx: ELOOP/],
  ])("says what is wrong with %s", async (_, spoil, problem) => {
    const folder = await writeModel(await temporaryFolder());
    await spoil(join(folder, "large.onnx"));
    const { graphs } = await readVersionFolder(folder, "1");
    expect(graphs).toEqual({ ok: false, error: expect.stringMatching(problem) });
  });

  it("refuses a manifest that names a file outside the folder", async () => {
    const folder = await writeModel(await temporaryFolder());
    const manifest = await smallManifest(await graphBytes("mean-colour"));
    manifest.cloud.large.file = "../large.onnx";
    await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
    const { graphs } = await readVersionFolder(folder, "1");
    expect(graphs).toEqual({ ok: false, error: expect.stringContaining("expected the plain name of an .onnx file") });
  });
});
