import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { MAX_MANIFEST_BYTES } from "../../../cloud-backend/src/limits.ts";
import { readManifest } from "../../../cloud-backend/src/repository/model-folder.ts";
import { modelFolder } from "../setup/model-folder.ts";
import { temporaryFolder } from "../setup/model-folders.ts";

describe("readManifest", () => {
  it("reads what the repository ships", async () => {
    expect(await readManifest(modelFolder)).toMatchObject({ ok: true, value: { manifestVersion: 1 } });
  });

  it.each([
    ["nothing", () => undefined, /manifest\.json: ENOENT/],
    ["a folder", (path: string) => mkdir(path), /manifest\.json: expected a file/],
    ["no JSON", (path: string) => writeFile(path, "{"), /manifest\.json: expected JSON/],
    ["another document", (path: string) => writeFile(path, "{}"), /manifest\.json: manifestVersion: /],
    ["as many bytes as allowed", (path: string) => zeros(path, MAX_MANIFEST_BYTES), /manifest\.json: expected JSON/],
    ["one byte more", (path: string) => zeros(path, MAX_MANIFEST_BYTES + 1), /expected at most 16777216 bytes, got/],
  ])("says in one line what is wrong with %s", async (_, write, problem) => {
    const folder = await temporaryFolder();
    await write(join(folder, "manifest.json"));
    const manifest = await readManifest(folder);
    expect(manifest).toEqual({ ok: false, error: expect.stringMatching(problem) });
    expect(manifest.ok || manifest.error).not.toContain("\n");
  });
});

async function zeros(path: string, bytes: number): Promise<void> {
  await writeFile(path, "");
  await truncate(path, bytes);
}
