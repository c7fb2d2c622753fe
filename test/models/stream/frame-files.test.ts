// Which pictures stand for a camera's frames.
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { frameFiles } from "../../../models/src/stream/frame-files.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { temporaryFolder } from "../arrays/folder.ts";

const { folder } = temporaryFolder();
const inFolder = (...names: string[]) => names.map((name) => path.join(folder, name));

test("takes folders, patterns and files in the order in which they are named", async () => {
  mkdirSync(path.join(folder, "walk"));
  for (const file of inFolder("walk/2.png", "walk/1.jpg", "walk/notes.txt", "a.webp")) writeFileSync(file, "");
  expect(await frameFiles(inFolder("walk"))).toEqual(inFolder("walk/1.jpg", "walk/2.png"));
  expect(await frameFiles(inFolder("a.webp", "walk/*"))).toEqual(inFolder("a.webp", "walk/1.jpg", "walk/2.png"));
  expect(await frameFiles(inFolder("**/*.png"))).toEqual(inFolder("walk/2.png"));
});

test("names the place where there is no picture", async () => {
  const nothing = path.join(folder, "*.gif");
  await expect(frameFiles([nothing])).rejects.toThrow(
    new UsageError(`${nothing}: no picture there (.jpg, .jpeg, .png, .webp)`),
  );
});
