// `spillway calibrate`: a classifier's probabilities made to mean what they say; for one table of logits, or
// for all members of a model, whose calibration.json it writes.
import path from "node:path";
import { crossValidateCalibrator, fitCalibrator } from "@spillway/shared/calibration/fit-calibrator";
import { fitTemperature } from "@spillway/shared/calibration/temperature";
import { chosenMethod, METHOD_CHOICES, METHOD_HELP } from "../evaluation/calibration-method.ts";
import { calibrationQuality, temperatureNote } from "../evaluation/calibration-report.ts";
import { evaluationDigest } from "../evaluation/evaluation-file.ts";
import { fitCalibration } from "../evaluation/fit-calibration.ts";
import type { TailFit } from "../evaluation/fit-tail.ts";
import { type EvaluationSource, loadEvaluation, rowsOfPart } from "../evaluation/load-evaluation.ts";
import { readSingle, SINGLE_FLAGS, SINGLE_HELP } from "../evaluation/single.ts";
import { choiceFlag, flagsOnly, neededFlag } from "../flag-values.ts";
import { openModelFolder } from "../model-folder.ts";
import { OUTPUT_FLAGS, reportResult, writeWhole } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import { parseFlags, UsageError } from "../usage.ts";

const DEFAULT_MODEL = "models/cifar100";

const HELP = `spillway calibrate --probabilities P.npy|--logits L.npy --labels Y.npy [--method METHOD]
spillway calibrate --images MOSAIC|FOLDER|--evaluation E.npz [--model FOLDER] [--method METHOD] [--part fit]

One table: fits a calibrator and reports accuracy, NLL, ECE, adaptive ECE and Brier score before and after.

${SINGLE_HELP}
A model: fits a calibrator for each exit and the large model, the vote, the fusion and the offload metric; and of
the tail at each of its settings a temperature, the fusion, and what asking it gains as a share of the metric.

  --images               labelled images: a mosaic, or a folder with one folder a class
  --skip-broken          leave out images that the Worker would refuse; otherwise the first ends all
  --evaluation E.npz     what \`spillway evaluate\` wrote, instead
  --model FOLDER         manifest.json and its graphs (default ${DEFAULT_MODEL})
  --no-tail              leave the tail out, which is run once a setting; the Worker then never asks it
  --part fit             use only the part that leaves rows to certify thresholds (default: the calibration half)

${METHOD_HELP}  --json                 { temperature, before: { accuracy, nll, ece, adaptiveEce, brier }, after, ... };
                         of a model { calibration, members, metric, fusion, tail }. \`temperature\` is that of temperature
                         scaling, whatever the method; what was fitted by the method is \`calibrator\`
  --out FILE             one table: also write that there; a model: where its calibration goes (default:
                         calibration.json in the model's folder, which is replaced; none with --part fit)

\`after\` is cross-validated: every row is calibrated by a fit on the other folds. Of labelled images only the
calibration half is used; the report half is never looked at.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...SINGLE_FLAGS,
      ...OUTPUT_FLAGS,
      images: { type: "string" },
      "skip-broken": { type: "boolean", default: false },
      "no-tail": { type: "boolean" },
      evaluation: { type: "string" },
      model: { type: "string" },
      method: { type: "string", default: "temperature" },
      part: { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("calibrate", flags.positionals);
  const isTable = values.probabilities !== undefined || values.logits !== undefined;
  const isModel = values.images !== undefined || values.evaluation !== undefined;
  if (isTable === isModel) {
    const both = isTable ? " of one table or of a model, not both" : "";
    throw new UsageError(
      `expected --probabilities, --logits, --images or --evaluation${both}; see spillway calibrate --help`,
    );
  }
  const unused = (isTable ? (["model", "part", "no-tail"] as const) : (["labels"] as const)).find(
    (flag) => flag in values,
  );
  if (unused !== undefined) {
    throw new UsageError(
      `--${unused}: expected with ${isTable ? "a model" : "one table"} only; see spillway calibrate --help`,
    );
  }
  if (isModel && values.part === "fit") neededFlag("calibrate --part fit", "out", values.out);
  await (isTable ? calibrateTable(values) : calibrateModel(values));
}

type Values = { method: string; json?: boolean; out?: string };

async function calibrateTable(values: Values & { probabilities?: string; logits?: string; labels?: string }) {
  const choice = choiceFlag("method", values.method, METHOD_CHOICES);
  const { logits, probabilities, labels, classes } = await readSingle("calibrate", values);
  const { method, nll } = chosenMethod(choice, logits, labels, classes);
  const result = {
    temperature: fitTemperature(logits, labels, classes),
    before: calibrationQuality(probabilities, labels, classes),
    after: calibrationQuality(crossValidateCalibrator(choice, logits, labels, classes).probabilities, labels, classes),
    method,
    crossValidatedNll: nll,
    calibrator: fitCalibrator(method, logits, labels, classes),
    rows: labels.length,
    classes,
  };
  process.stderr.write(temperatureNote(values.logits ?? (values.probabilities as string), result.temperature));
  const text = `temperature ${result.temperature.toFixed(5)}, ${labels.length} rows, ${classes} classes\n`;
  const table = qualityTable([
    ["before", result.before],
    [`after (${method}, cross-validated)`, result.after],
  ]);
  await reportResult(result, values, text + table);
}

async function calibrateModel(
  values: Values & EvaluationSource & { "no-tail"?: boolean; model?: string; part?: string },
) {
  const part = choiceFlag("part", values.part ?? "calibration", ["calibration", "fit"] as const);
  const method = choiceFlag("method", values.method, METHOD_CHOICES);
  const folder = await openModelFolder(values.model ?? DEFAULT_MODEL);
  const evaluation = await loadEvaluation(folder, { ...values, withTail: !values["no-tail"] });
  const rows = rowsOfPart(evaluation, part);
  const { dataset, labels } = rows;
  const fittedOn = { dataset, n: labels.length, part, evaluation: evaluationDigest(evaluation) };
  const fit = fitCalibration(rows, labels, { model: folder.hash, fittedOn }, method);
  const file = values.out ?? path.join(folder.path, "calibration.json");
  await writeWhole(file, `${JSON.stringify(fit.calibration, null, 2)}\n`);
  process.stderr.write(`wrote ${file}\n`);
  [...fit.calibration.exits, fit.calibration.cloud].forEach((fitted, index) => {
    if ("temperature" in fitted) process.stderr.write(temperatureNote(fit.members[index].name, fitted.temperature));
  });
  const members = fit.members.flatMap(({ name, method, before, after }) => [
    [name, before] as const,
    [`  ${method}`, after] as const,
  ]);
  await reportResult(fit, { json: values.json }, `${qualityTable(members)}${tailTable(fit.tail)}`);
}

/** What is answered at each setting, and what that gains; empty without a tail. */
function tailTable(tail: readonly TailFit[]): string {
  if (tail.length === 0) return "";
  const table = textTable(
    ["tail", "accuracy", "NLL", "fused", "accuracy", "NLL", "share of the metric", "bytes of a frame"],
    tail.map(({ calibration, alone, answered, fusion }) => [
      calibration.setting,
      percent(alone.accuracy, 2),
      alone.nll.toFixed(5),
      fusion,
      percent(answered.accuracy, 2),
      answered.nll.toFixed(5),
      calibration.gainShare.toFixed(3),
      calibration.frameBytes.toFixed(1),
    ]),
  );
  return `\n${table}`;
}

function qualityTable(rows: readonly (readonly [string, ReturnType<typeof calibrationQuality>])[]): string {
  return textTable(
    ["", "accuracy", "NLL", "ECE", "adaptive ECE", "Brier"],
    rows.map(([name, quality]) => [
      name,
      percent(quality.accuracy, 2),
      quality.nll.toFixed(5),
      quality.ece.toFixed(5),
      quality.adaptiveEce.toFixed(5),
      quality.brier.toFixed(5),
    ]),
  );
}
