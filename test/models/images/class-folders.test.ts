// A folder of class folders: which files count, in which order, with which labels, and what is said about the rest.
import { mkdirSync, symlinkSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { openClassFolders } from "../../../models/src/images/class-folders.ts";
import { openImages } from "../../../models/src/images/open-images.ts";
import { noise, pictureOf, temporaryFolder, writeAt } from "./picture-folder.ts";

const LABELS = ["apple", "bear", "clock"];
const root = temporaryFolder();
const png = (seed: number) => pictureOf(noise(12, seed), 2, 2).png().toBuffer();

/** A folder of its own with empty files of these names. */
function folderOf(name: string, files: string[]): string {
  const folder = path.join(root, name);
  mkdirSync(folder, { recursive: true });
  for (const file of files) writeAt(folder, file, "");
  return folder;
}

describe("openClassFolders", () => {
  it("finds pictures at any depth, sorted by path, and reads the one that is asked for", async () => {
    const folder = folderOf("sorted", []);
    const names = ["bear/z.PNG", "bear/a/2.png", "apple/10.png", "apple/9.png", "clock/deep/er/x.png"];
    for (const [seed, name] of names.entries()) writeAt(folder, name, await png(seed));
    const warnings: string[] = [];
    const images = await openClassFolders(`${folder}/`, LABELS, (line) => warnings.push(line));
    expect(images).toMatchObject({ count: 5, name: "sorted" });
    expect([...images.labels]).toEqual([0, 0, 1, 1, 2]);
    const seeds = [2, 3, 1, 0, 4];
    for (const [index, seed] of seeds.entries()) {
      const { data, ...rest } = await images.read(index);
      expect([...data]).toEqual([...noise(12, seed)]);
      expect(rest).toEqual({ width: 2, height: 2, channels: 3, orientation: 1 });
    }
    expect(warnings).toEqual([]);
  });

  it("passes over hidden names, and says what else it leaves out", async () => {
    const folder = folderOf("left-out", ["apple/a.jpg", "apple/.b.jpg", ".git/c.jpg", "apple/.cache/d.jpg"]);
    for (const name of ["bear/e.webp", "bear/notes.txt", "f.jpeg", "g.jpeg"]) writeAt(folder, name, "");
    symlinkSync(path.join(folder, "apple"), path.join(folder, "clock"));
    symlinkSync(path.join(folder, "apple/a.jpg"), path.join(folder, "bear/h.jpg"));
    const warnings: string[] = [];
    const images = await openClassFolders(folder, LABELS, (line) => warnings.push(line));
    expect([...images.labels]).toEqual([0, 1]);
    expect(warnings).toEqual([
      `${folder}: 2 pictures beside the folders have no class and are left out`,
      `${folder}: 2 symbolic links are not followed`,
      `${folder}: 1 files that are no JPEG, PNG or WebP are left out`,
      `${folder}: 1 of 3 classes have no image: clock`,
    ]);
  });

  it("lists five of the classes without an image and counts the others", async () => {
    const labels = ["a", "b", "c", "d", "e", "f", "g"];
    const warnings: string[] = [];
    const warn = (line: string) => warnings.push(line);
    await openClassFolders(folderOf("six", ["a/1.png", "b/1.png"]), labels, warn);
    await openClassFolders(folderOf("seven", ["a/1.png"]), labels, warn);
    expect(warnings).toEqual([
      expect.stringMatching(/5 of 7 classes have no image: c, d, e, f, g$/),
      expect.stringMatching(/6 of 7 classes have no image: b, c, d, e, f and 1 more$/),
    ]);
  });

  it("labels by class index", async () => {
    const images = await openClassFolders(folderOf("numbers", ["2/a.png", "00/a.png"]), LABELS);
    expect([...images.labels]).toEqual([0, 2]);
  });

  it.each([
    ["nothing", [], "expected a folder for each class, got none"],
    ["only pictures", ["a.png"], "expected a folder for each class, got none"],
    ["no pictures", ["apple/notes.txt"], "expected JPEG, PNG or WebP files in its folders, got none"],
    ["pictures in no class", ["a.png", "apple/b.gif"], "expected JPEG, PNG or WebP files in its folders, got none"],
  ])("refuses a folder with %s", async (name, files, message) => {
    const folder = folderOf(name, files);
    await expect(openClassFolders(folder, LABELS)).rejects.toThrow(new Error(`${folder}: ${message}`));
  });

  it("refuses a folder that is no class, even an empty one", async () => {
    const folder = folderOf("wrong", ["apple/a.png"]);
    mkdirSync(path.join(folder, "beer"));
    await expect(openClassFolders(folder, LABELS)).rejects.toThrow(
      `${folder}/beer: expected a folder named as a class of the model; did you mean "bear"?`,
    );
  });

  it("has no image past the last", async () => {
    const images = await openClassFolders(folderOf("one", ["apple/a.png"]), LABELS);
    await expect(images.read(1)).rejects.toThrow(new RangeError("index: expected 0 to 0, got 1"));
  });
});

describe("openImages", () => {
  const edge = { preprocessing: { width: 2, height: 2 } };
  const manifest = { labels: LABELS, edge } as Parameters<typeof openImages>[1];

  it("takes a folder for class folders and a file for a mosaic", async () => {
    const mosaic = writeAt(
      root,
      "mosaic.png",
      await pictureOf(noise(200 * 2 * 3), 200, 2)
        .png()
        .toBuffer(),
    );
    expect(await openImages(mosaic, manifest)).toMatchObject({ count: 100, name: "mosaic.png" });
    expect(await openImages(folderOf("kind", ["apple/a.png"]), manifest)).toMatchObject({ count: 1, name: "kind" });
  });

  it("says in one line what is not there", async () => {
    const missing = path.join(root, "missing");
    await expect(openImages(missing, manifest)).rejects.toThrow(`${missing}: cannot be read (ENOENT`);
  });
});
