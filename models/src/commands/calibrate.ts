// `spillway calibrate`: temperatures, vote, fusion and offload metric of one model, fitted on the
// calibration half of a mosaic and written beside the manifest.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fitCalibration } from "../evaluation/fit-calibration.ts";
import { runModels } from "../evaluation/run-models.ts";
import { readMosaic } from "../images/mosaic.ts";
import { DEFAULT_SPLIT_SEED, splitInHalves } from "../images/split.ts";
import { openModelFolder } from "../model-folder.ts";
import { startProgress } from "../progress.ts";
import { parseFlags, UsageError } from "../usage.ts";

const HELP = `spillway calibrate --images MOSAIC [--model FOLDER] [--out FILE] [--json]

  --images MOSAIC  lossless mosaic of labelled tiles, 100 wide, tile i of class i % classes
  --model FOLDER   folder of manifest.json and its graphs (default models/cifar100)
  --out FILE       where to write (default calibration.json in the model's folder)
  --json           print the calibration on stdout

Fits on the calibration half of the images (seed ${DEFAULT_SPLIT_SEED}); the other half is never looked at.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      images: { type: "string" },
      model: { type: "string", default: "models/cifar100" },
      out: { type: "string" },
      json: { type: "boolean", default: false },
    },
    HELP,
  );
  if (flags === null) return;
  const { images, model, out, json } = flags.values;
  if (images === undefined) throw new UsageError("--images is needed; see spillway calibrate --help");
  const folder = await openModelFolder(model);
  const tiles = await readMosaic(images, folder.manifest.edge.preprocessing, folder.manifest.labels.length);
  const { calibration: half } = splitInHalves(tiles.count);
  const logits = await runModels(folder, tiles, half, startProgress("images", half.length));
  const calibration = fitCalibration(
    logits,
    half.map((index) => tiles.labels[index]),
    {
      model: folder.hash,
      fittedOn: {
        dataset: `calibration half of ${path.basename(images)}, split seed ${DEFAULT_SPLIT_SEED}`,
        n: half.length,
      },
    },
  );
  const file = out ?? path.join(model, "calibration.json");
  const text = `${JSON.stringify(calibration, null, 2)}\n`;
  await writeFile(file, text);
  process.stderr.write(`wrote ${file}\n`);
  if (json) process.stdout.write(text);
}
