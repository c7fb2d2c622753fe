// What the shipped model's tail says of a few pictures at each of its settings, computed offline: the Worker, asking a
// cloud, has to say the same.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import type { OfflineAnswer } from "vitest";
import { runModels } from "../../../models/src/evaluation/run-models.ts";
import { readPicture } from "../../../models/src/images/read-picture.ts";
import { openModelFolder } from "../../../models/src/model-folder.ts";

const ROOT = path.resolve(import.meta.dirname, "../../..");
const PICTURES = path.join(ROOT, "test/vectors/images/drawn");

/** Null as long as the shipped model has no tail. */
export async function offlineTail(): Promise<{ file: string; answers: OfflineAnswer[] } | null> {
  const folder = await openModelFolder(process.env.SPILLWAY_MODEL ?? path.join(ROOT, "models/cifar100"));
  const { tail } = folder.manifest.cloud;
  if (tail === null) return null;
  const scratch = await mkdtemp(path.join(tmpdir(), "spillway-pictures-"));
  const files = await pngFiles(scratch);
  const images = {
    count: files.length,
    labels: new Int32Array(files.length),
    name: PICTURES,
    read: (index: number) => readPicture(files[index]),
  };
  const run = await runModels(folder, images, [...files.keys()], { withTail: true });
  const pictures = await Promise.all(files.map((file) => readFile(file, "base64")));
  await rm(scratch, { recursive: true });
  const answers = run.tail.flatMap(({ setting, logits, frameBytes }) =>
    pictures.map((picture, row) => ({
      picture,
      setting,
      logits: Array.from(logits.subarray(row * run.classes, (row + 1) * run.classes)),
      frameBytes: frameBytes?.[row] ?? 0,
    })),
  );
  return { file: path.join(folder.path, tail.file), answers };
}

/** Without loss, as two decoders of JPEG need not agree. */
async function pngFiles(folder: string): Promise<string[]> {
  const names = (await readdir(PICTURES)).sort();
  const files = names.map((name) => path.join(folder, `${name}.png`));
  await Promise.all(names.map((name, at) => sharp(path.join(PICTURES, name)).png().toFile(files[at])));
  return files;
}
