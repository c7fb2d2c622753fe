import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { singleFolder, versionDirectory } from "../../../cloud-backend/src/repository/version-source.ts";
import { eventLog, temporaryFolder, writeModel } from "../setup/model-folders.ts";

describe("versionDirectory", () => {
  it("takes whole numbers from 1 for versions, and tells once of everything else", async () => {
    const directory = await temporaryFolder();
    const others = ["0", "01", "-1", "1.0", "1e3", " 1", "latest", "1000000000000000"];
    for (const name of ["1", "10", "999999999999999", ...others]) await mkdir(join(directory, name));
    await writeFile(join(directory, "2"), "a file");
    const log = eventLog();
    const source = versionDirectory(directory, log.onEvent);
    const read = await source.read();
    const versions = read.ok && read.value.map(({ version }) => version).sort();
    expect(versions).toEqual(["1", "10", "2", "999999999999999"]);
    expect(log.events.map((event) => event.event === "folder-ignored" && event.folder).sort()).toEqual(others.sort());
    await source.read();
    expect(log.events).toHaveLength(others.length);
  });

  it("reads again only what has changed", async () => {
    const directory = await temporaryFolder();
    await writeModel(join(directory, "1"));
    await writeModel(join(directory, "2"));
    const source = versionDirectory(directory, eventLog().onEvent);
    const before = await source.read();
    await writeModel(join(directory, "2"), "mean-colour-doubled");
    const after = await source.read();
    if (!before.ok || !after.ok) throw new Error("the directory cannot be read");
    expect(after.value[0]).toBe(before.value[0]);
    expect(after.value[1]).not.toBe(before.value[1]);
  });

  it("fails as a whole when the directory cannot be read", async () => {
    const directory = await temporaryFolder();
    await rm(directory, { recursive: true });
    const read = await versionDirectory(directory, eventLog().onEvent).read();
    expect(read).toEqual({ ok: false, error: expect.stringContaining(`${directory}: ENOENT`) });
  });
});

describe("singleFolder", () => {
  it("is version 1, whatever the folder is called and whether it is there", async () => {
    const source = singleFolder(join(await temporaryFolder(), "cifar100"));
    expect(await source.read()).toMatchObject({ ok: true, value: [{ version: "1", graphs: { ok: false } }] });
  });
});
