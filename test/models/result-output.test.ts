// Files that appear whole or not at all, and what is said when they cannot.
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { expectWritable, writeWhole } from "../../models/src/result-output.ts";
import { lineOf, temporaryFolder } from "./arrays/folder.ts";

const { folder, write } = temporaryFolder();
const below = write("file.npy", "not a folder");
const within = path.join(folder, "within");

/** Where nothing can be written, and why. */
const PLACES: [string, string][] = [
  [path.join(folder, "nowhere/out.json"), "ENOENT"],
  [path.join(below, "out.json"), "ENOTDIR"],
  [within, "EISDIR"],
];

describe("writeWhole", () => {
  it("leaves the content and nothing beside it, also where two write at once", async () => {
    const file = path.join(folder, "both.json");
    const contents = ["a", "b"].map((letter) => letter.repeat(100_000));
    await Promise.all(contents.map((content) => writeWhole(file, content)));
    expect(contents).toContain(await readFile(file, "utf8"));
    expect((await readdir(folder)).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it.each(PLACES)("names %s in one line: %s", async (file, code) => {
    await mkdir(within, { recursive: true });
    expect(await lineOf(() => writeWhole(file, "x"))).toBe(`${file}: cannot be written (${code})`);
    expect((await readdir(folder)).filter((name) => name.includes("partial"))).toEqual([]);
  });
});

describe("expectWritable", () => {
  it.each(PLACES)("says beforehand of %s: %s", async (file, code) => {
    await mkdir(within, { recursive: true });
    expect(await lineOf(() => expectWritable(file))).toBe(`${file}: cannot be written (${code})`);
  });

  it("takes a new file, one to replace, and none", async () => {
    for (const file of [path.join(folder, "new.json"), below, undefined]) await expectWritable(file);
    expect(await readFile(below, "utf8")).toBe("not a folder");
  });
});
