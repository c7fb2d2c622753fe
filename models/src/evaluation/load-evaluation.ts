// The logits and labels that a command about a model works on: from a file, or by running the model now.
import { takeRows } from "@spillway/shared/calibration/row-major";
import { DEFAULT_FOLDS } from "@spillway/shared/random/folds";
import { settingName } from "@spillway/shared/split/setting";
import type { BrokenImageError } from "../images/labelled-images.ts";
import { openImages } from "../images/open-images.ts";
import { splitForGuarantee, splitInHalves } from "../images/split.ts";
import type { ModelFolder } from "../model-folder.ts";
import { startProgress } from "../progress.ts";
import { note } from "../result-output.ts";
import { UsageError } from "../usage.ts";
import { type Evaluation, readEvaluation } from "./evaluation-file.ts";
import { runModels, type TailLogits } from "./run-models.ts";

/** Where images or what a model said of them come from; one of both. */
export interface EvaluationSource {
  evaluation?: string;
  images?: string;
  /** Leaves out images that the Worker would refuse; otherwise the first ends all. */
  "skip-broken"?: boolean;
  /** Whether the tail is wanted too: by default it is neither run nor kept, as most commands do not look at it. */
  withTail?: boolean;
}

export type Part = "calibration" | "report" | "fit" | "certification";

/**
 * @throws UsageError unless exactly one of both is named
 * @throws Error with one line when the file is of another model, or the images cannot be used
 */
export async function loadEvaluation(folder: ModelFolder, source: EvaluationSource): Promise<Evaluation> {
  const { evaluation: file, images, "skip-broken": skipsBroken, withTail } = source;
  if ((file === undefined) === (images === undefined)) throw new UsageError("expected --evaluation or --images");
  if (file !== undefined) {
    const evaluation = await readEvaluation(file);
    if (evaluation.modelHash !== folder.hash) {
      throw new Error(`${file}: made with model ${evaluation.modelHash}, but ${folder.path} is ${folder.hash}`);
    }
    expectShape(evaluation, folder, file);
    return { ...evaluation, tail: withTail ? wholeTail(evaluation.tail, folder, file) : [] };
  }
  return (await evaluateImages(folder, images as string, { skipsBroken, withTail })).evaluation;
}

/**
 * Runs the model now; says on stderr how far it is, and what it leaves out.
 * @returns also how many images were left out as broken
 * @throws Error with one line when the images cannot be used
 */
export async function evaluateImages(
  folder: ModelFolder,
  source: string,
  { skipsBroken = false, withTail = false }: { skipsBroken?: boolean | undefined; withTail?: boolean | undefined },
): Promise<{ evaluation: Evaluation; skipped: number }> {
  const images = await openImages(source, folder.manifest, note);
  const all = Array.from({ length: images.count }, (_, index) => index);
  const broken: BrokenImageError[] = [];
  const { indices, ...logits } = await runModels(folder, images, all, {
    withTail,
    progress: startProgress("images", images.count),
    onBroken: skipsBroken ? (error) => broken.push(error) : undefined,
  });
  for (const { message } of broken) note(`left out: ${message}`);
  if (logits.rows < 2) throw new Error(`${source}: expected at least 2 images that can be used, got ${logits.rows}`);
  const labels = Int32Array.from(indices, (index) => images.labels[index]);
  return {
    evaluation: { ...logits, labels, modelHash: folder.hash, dataset: images.name },
    skipped: broken.length,
  };
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
    tail: evaluation.tail.map(({ setting, logits, frameBytes }) => ({
      setting,
      logits: take(logits),
      frameBytes: frameBytes && Int32Array.from(indices, (index) => frameBytes[index]),
    })),
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

/** The tail at all of the model's settings, in the manifest's order; or nothing where the file has nothing. */
function wholeTail(tail: readonly TailLogits[], { manifest }: ModelFolder, file: string): TailLogits[] {
  const settings = manifest.cloud.tail?.settings.map(settingName) ?? [];
  const stranger = tail.find(({ setting }) => !settings.includes(setting));
  if (stranger !== undefined) throw new Error(`${file}: tail-${stranger.setting}: not a setting of the model`);
  if (tail.length === 0) {
    if (settings.length > 0)
      note(`note: ${file}: does not say what the tail answers; what is fitted to it will not either`);
    return [];
  }
  return settings.map((setting) => {
    const found = tail.find((entry) => entry.setting === setting);
    if (found?.frameBytes) return found;
    const missing = `${found ? "bytes" : "tail"}-${setting}`;
    throw new Error(
      `${file}: ${missing} is missing: evaluate with \`spillway evaluate\`, or leave the tail out with --no-tail`,
    );
  });
}

function partIndices(rows: number, part: Part): number[] {
  const { calibration, report } = splitInHalves(rows);
  if (part === "calibration") return calibration;
  return part === "report" ? report : splitForGuarantee(calibration)[part];
}
