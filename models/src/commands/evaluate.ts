// `spillway evaluate`: runs every exit, the large model and the tail at each of its settings over
// labelled images once, and keeps what they said in a file that the other tools read.
import { type Accuracy, measureAccuracy, standardError } from "../evaluation/accuracy.ts";
import { writeEvaluation } from "../evaluation/evaluation-file.ts";
import { evaluateImages } from "../evaluation/load-evaluation.ts";
import type { TailLogits } from "../evaluation/run-models.ts";
import { neededFlag } from "../flag-values.ts";
import { DEFAULT_SPLIT_SEED } from "../images/split.ts";
import { openModelFolder } from "../model-folder.ts";
import { expectWritable, note, print } from "../result-output.ts";
import { textTable } from "../text-table.ts";
import { parseFlags } from "../usage.ts";

const HELP = `spillway evaluate --images MOSAIC|FOLDER --out FILE.npz [--model FOLDER] [--no-tail] [--skip-broken] [--json]

  --images         a folder with one sub-folder of JPEG, PNG or WebP files per class, named as the
                   model's labels or by class index; or a lossless mosaic of labelled tiles, 100 wide,
                   tile i of class i % classes
  --out FILE.npz   where to write: exit1 .. exitN and large (float32 logits), labels (int64), meta; for each
                   setting of the tail, such as 16x4, tail-16x4 (float32 logits) and bytes-16x4 (int64: how long
                   each image's frame is)
  --model FOLDER   folder of manifest.json and its graphs (default models/cifar100)
  --no-tail        leave the tail out, which takes most of the time: it is run once a setting
  --skip-broken    leave out and count images that the Worker would refuse; without it the first ends all
  --json           print { rows, skipped, out, accuracy, frames } instead of the tables

Prints the accuracy on the calibration half and on the report half (split seed ${DEFAULT_SPLIT_SEED}).
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      images: { type: "string" },
      out: { type: "string" },
      model: { type: "string", default: "models/cifar100" },
      "no-tail": { type: "boolean", default: false },
      "skip-broken": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
    HELP,
  );
  if (flags === null) return;
  const { model, "skip-broken": skipBroken, json } = flags.values;
  const source = neededFlag("evaluate", "images", flags.values.images);
  const out = neededFlag("evaluate", "out", flags.values.out);
  // Minutes of work should not end with a folder that does not exist.
  await expectWritable(out);
  const folder = await openModelFolder(model);
  const options = { skipsBroken: skipBroken, withTail: !flags.values["no-tail"] };
  const { evaluation, skipped } = await evaluateImages(folder, source, options);
  const { rows, labels } = evaluation;
  await writeEvaluation(out, evaluation, labels, evaluation);
  const accuracy = measureAccuracy(evaluation, labels);
  note(`wrote ${out}: ${rows} images${skipBroken ? `, ${skipped} left out` : ""}`);
  const frames = evaluation.tail.map(frameLengths);
  const result = { rows, skipped, out, accuracy, frames };
  await print(json ? `${JSON.stringify(result)}\n` : `${accuracyTable(accuracy)}${frameTable(frames)}`);
}

/** Bytes of the frames of one setting, over all images. */
function frameLengths({ setting, frameBytes }: TailLogits) {
  const lengths = Array.from(frameBytes ?? []).sort((a, b) => a - b);
  const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
  return { setting, smallest: lengths[0], mean, largest: lengths[lengths.length - 1] };
}

function frameTable(frames: readonly ReturnType<typeof frameLengths>[]): string {
  if (frames.length === 0) return "";
  const rows = frames.map(({ setting, smallest, mean, largest }) => [setting, smallest, mean.toFixed(1), largest]);
  return `\n${textTable(
    ["bytes of a frame", "smallest", "mean", "largest"],
    rows.map((row) => row.map(String)),
  )}`;
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
