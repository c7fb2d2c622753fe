// The logits and labels that a command about a model works on: from a file, or by running the model now.
import path from "node:path";
import { takeRows } from "@spillway/shared/calibration/row-major";
import { DEFAULT_FOLDS } from "@spillway/shared/random/folds";
import { openImages } from "../images/open-images.ts";
import { splitForGuarantee, splitInHalves } from "../images/split.ts";
import type { ModelFolder } from "../model-folder.ts";
import { startProgress } from "../progress.ts";
import { UsageError } from "../usage.ts";
import { type Evaluation, readEvaluation } from "./evaluation-file.ts";
import { runModels } from "./run-models.ts";

export type Part = "calibration" | "report" | "fit" | "certification";

/**
 * @throws UsageError unless exactly one of both is named
 * @throws Error with one line when the file is of another model, or the images cannot be used
 */
export async function loadEvaluation(
  folder: ModelFolder,
  source: { evaluation?: string; images?: string },
): Promise<Evaluation> {
  const { evaluation: file, images } = source;
  if ((file === undefined) === (images === undefined)) throw new UsageError("expected --evaluation or --images");
  if (file !== undefined) {
    const evaluation = await readEvaluation(file);
    if (evaluation.modelHash !== folder.hash) {
      throw new Error(`${file}: made with model ${evaluation.modelHash}, but ${folder.path} is ${folder.hash}`);
    }
    expectShape(evaluation, folder, file);
    return evaluation;
  }
  const labelled = await openImages(images as string, folder.manifest);
  const indices = Array.from({ length: labelled.count }, (_, index) => index);
  const run = await runModels(folder, labelled, indices, { progress: startProgress("images", labelled.count) });
  const labels = Int32Array.from(run.indices, (index) => labelled.labels[index]);
  return { ...run, labels, modelHash: folder.hash, dataset: path.basename(images as string) };
}

/**
 * The rows of one part of the split, with the part's name in the data set's.
 * @throws Error with one line when there are too few rows to fit anything on that part
 */
export function rowsOfPart(evaluation: Evaluation, part: Part): Evaluation {
  const { rows } = evaluation;
  const needed = DEFAULT_FOLDS * (part === "fit" || part === "certification" ? 4 : 2);
  if (rows < needed) {
    throw new Error(
      `${evaluation.dataset}: expected at least ${needed} images to fit on the ${part} part, got ${rows}`,
    );
  }
  const indices = partIndices(rows, part);
  const take = (values: Float32Array) => takeRows(values, indices, evaluation.classes);
  return {
    ...evaluation,
    rows: indices.length,
    exits: evaluation.exits.map(take),
    large: take(evaluation.large),
    labels: Int32Array.from(indices, (index) => evaluation.labels[index]),
    dataset: `${part} part of ${evaluation.dataset}`,
  };
}

/** The hash says which model it was; only an evaluation made by hand differs in more. */
function expectShape({ exits, classes }: Evaluation, { manifest }: ModelFolder, file: string): void {
  const { edge, labels } = manifest;
  if (exits.length === edge.stages.length && classes === labels.length) return;
  const expected = `${edge.stages.length} exits and ${labels.length} classes like the model`;
  throw new Error(`${file}: expected ${expected}, got ${exits.length} and ${classes}`);
}

function partIndices(rows: number, part: Part): number[] {
  const { calibration, report } = splitInHalves(rows);
  if (part === "calibration") return calibration;
  return part === "report" ? report : splitForGuarantee(calibration)[part];
}
