// `spillway evaluate`: runs every exit and the large model over labelled images once, and keeps
// what they said in a file that the other tools read.
import { access, constants } from "node:fs/promises";
import path from "node:path";
import { type Accuracy, measureAccuracy, standardError } from "../evaluation/accuracy.ts";
import { writeEvaluation } from "../evaluation/evaluation-file.ts";
import { runModels } from "../evaluation/run-models.ts";
import { neededFlag } from "../flag-values.ts";
import type { BrokenImageError } from "../images/labelled-images.ts";
import { openImages } from "../images/open-images.ts";
import { DEFAULT_SPLIT_SEED } from "../images/split.ts";
import { openModelFolder } from "../model-folder.ts";
import { startProgress } from "../progress.ts";
import { print } from "../result-output.ts";
import { textTable } from "../text-table.ts";
import { parseFlags } from "../usage.ts";

const HELP = `spillway evaluate --images MOSAIC|FOLDER --out FILE.npz [--model FOLDER] [--skip-broken] [--json]

  --images         a folder with one sub-folder of JPEG, PNG or WebP files per class, named as the
                   model's labels or by class index; or a lossless mosaic of labelled tiles, 100 wide,
                   tile i of class i % classes
  --out FILE.npz   where to write: exit1 .. exitN and large (float32 logits), labels (int64), meta
  --model FOLDER   folder of manifest.json and its graphs (default models/cifar100)
  --skip-broken    leave out and count images that the Worker would refuse; without it the first ends all
  --json           print { rows, skipped, out, accuracy } instead of the table

Prints the accuracy on the calibration half and on the report half (split seed ${DEFAULT_SPLIT_SEED}).
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      images: { type: "string" },
      out: { type: "string" },
      model: { type: "string", default: "models/cifar100" },
      "skip-broken": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
    HELP,
  );
  if (flags === null) return;
  const { model, "skip-broken": skipBroken, json } = flags.values;
  const source = neededFlag("evaluate", "images", flags.values.images);
  const out = neededFlag("evaluate", "out", flags.values.out);
  await checkWritable(out);
  const folder = await openModelFolder(model);
  const images = await openImages(source, folder.manifest, note);
  const all = Array.from({ length: images.count }, (_, index) => index);
  const broken: BrokenImageError[] = [];
  const run = await runModels(folder, images, all, {
    progress: startProgress("images", images.count),
    onBroken: skipBroken ? (error) => broken.push(error) : undefined,
  });
  for (const { message } of broken) note(`left out: ${message}`);
  if (run.rows < 2) throw new Error(`${source}: expected at least 2 images that can be used, got ${run.rows}`);
  const labels = Int32Array.from(run.indices, (index) => images.labels[index]);
  await writeEvaluation(out, run, labels, { modelHash: folder.hash, dataset: images.name });
  const accuracy = measureAccuracy(run, labels);
  note(`wrote ${out}: ${run.rows} images${skipBroken ? `, ${broken.length} left out` : ""}`);
  const result = { rows: run.rows, skipped: broken.length, out, accuracy };
  await print(json ? `${JSON.stringify(result)}\n` : accuracyTable(accuracy));
}

/** Minutes of work should not end with a folder that does not exist. */
async function checkWritable(file: string): Promise<void> {
  const folder = path.dirname(path.resolve(file));
  await access(folder, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file}: cannot be written (${error.code})`);
  });
}

/** Top-1 in percent, with its standard error: a line for each model, a column for each half. */
function accuracyTable(accuracy: readonly Accuracy[]): string {
  const halves = ["calibration", "report"] as const;
  const models = [...new Set(accuracy.map(({ model }) => model))];
  const entryOf = (model: string, half: string) =>
    accuracy.find((entry) => entry.model === model && entry.half === half) as Accuracy;
  const header = ["top-1 %", ...halves.map((half) => `${half} (n = ${entryOf(models[0], half).n})`)];
  const cellOf = (entry: Accuracy) => `${(entry.top1 * 100).toFixed(2)} ± ${(standardError(entry) * 100).toFixed(2)}`;
  const rows = models.map((model) => [model, ...halves.map((half) => cellOf(entryOf(model, half)))]);
  return textTable(header, rows);
}

function note(line: string): void {
  process.stderr.write(`${line.replaceAll("\n", " ")}\n`);
}
