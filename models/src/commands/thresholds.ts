// `spillway thresholds`: the exits' thresholds and the offload threshold, on demand or with a guarantee.
import path from "node:path";
import { certifiableRows, RISK_METHODS } from "@spillway/shared/offload/risk-control";
import type { Wishes } from "@spillway/shared/offload/threshold-choice";
import { readCalibration } from "../evaluation/calibration-file.ts";
import { choosePair, type Demand } from "../evaluation/choose-pair.ts";
import { chooseSystem, expectUnseenRows } from "../evaluation/choose-system.ts";
import type { Evaluation } from "../evaluation/evaluation-file.ts";
import { loadEvaluation, rowsOfPart } from "../evaluation/load-evaluation.ts";
import { PAIR_FLAGS, PAIR_HELP, pairFiles, readPair } from "../evaluation/pair.ts";
import { DEFAULT_CLOUD_MS, systemCosts } from "../evaluation/system.ts";
import type { ThresholdResult } from "../evaluation/threshold-result.ts";
import { choiceFlag, flagsOnly, numberFlag, numbersFlag, ruleFlag } from "../flag-values.ts";
import { openModelFolder } from "../model-folder.ts";
import { OUTPUT_FLAGS, type OutputFlags, reportResult } from "../result-output.ts";
import { percent } from "../text-table.ts";
import { parseFlags, UsageError } from "../usage.ts";

const MAX_MS = 1e6;
/** What an edge model takes when nobody says, in a pair of which only probabilities are known. */
const DEFAULT_EDGE_MS = 3;
const DEFAULT_LEVEL = 0.95;

/** Flags of what is asked for; `tune` takes them too. */
export const DEMAND_FLAGS = {
  "max-offload": { type: "string" },
  "min-accuracy": { type: "string" },
  "max-mean-latency": { type: "string" },
  "max-accuracy-loss": { type: "string" },
  "confidence-level": { type: "string" },
  "risk-method": { type: "string", default: "paired-exact" },
  "stage-ms": { type: "string" },
  "cloud-ms": { type: "string" },
} as const;

export const DEMAND_HELP = `  --max-offload F        most images that may be offloaded, a fraction
  --min-accuracy F       least accuracy, a fraction: the fastest thresholds that reach it (without: the most accurate)
  --max-mean-latency MS  longest mean latency of an answer
  --max-accuracy-loss F  a guarantee: the expected accuracy on unseen images is at most F below offloading everything
  --confidence-level F   probability with which that holds (default ${DEFAULT_LEVEL})
  --risk-method METHOD   ${RISK_METHODS.join(", ")} (default the first)
  --stage-ms A,B,...     latency of each stage (default: its multiply-adds at 10 M a ms); of a pair one, ${DEFAULT_EDGE_MS}
  --cloud-ms MS          what an offload adds (default ${DEFAULT_CLOUD_MS})
`;

const HELP = `spillway thresholds --edge E.npy --cloud C.npy --labels Y.npy [--confidence RULE] <what is asked for>
spillway thresholds --evaluation E.npz|--images MOSAIC|FOLDER [--model FOLDER] [--calibration FILE] <what is asked for>

A pair: samples whose confidence is below \`offload\`, which is the one exit's threshold too, are offloaded.

${PAIR_HELP}
A model: an image leaves at the first exit whose confidence reaches its threshold; undecided ones are offloaded when
their expected gain reaches \`offload\`. These are the configuration's edge.exits and offload.threshold.

  --evaluation E.npz     what \`spillway evaluate\` wrote
  --images               labelled images, instead: a mosaic, or a folder with one folder a class
  --model FOLDER         default models/cifar100
  --calibration FILE     default calibration.json in the model's folder; a guarantee needs one of
                         \`spillway calibrate --part fit\`

What is asked for, at least one of the first four:

${DEMAND_HELP}
  --confidence RULE      margin (default for a pair), max-probability (default for a model), entropy
  --json                 { exits, offload, guarantee: { maxAccuracyLoss, confidenceLevel, method } | null,
                         expected: { accuracy, offloadRate, meanLatencyMs } }
  --out FILE             also write that there

\`expected\` comes from rows that chose nothing: the report half of a model's images; cross-validation for a pair.
What cannot be had is "not attainable", and the exit code is 1.
`;

type Values = Partial<Record<string, string | boolean>>;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...PAIR_FLAGS,
      ...OUTPUT_FLAGS,
      ...DEMAND_FLAGS,
      evaluation: { type: "string" },
      images: { type: "string" },
      model: { type: "string", default: "models/cifar100" },
      calibration: { type: "string" },
      confidence: { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("thresholds", flags.positionals);
  const demand = readDemand("thresholds", values);
  const isModel = values.evaluation !== undefined || values.images !== undefined;
  if (isModel === (values.edge !== undefined)) {
    throw new UsageError("expected --edge, --evaluation or --images; see spillway thresholds --help");
  }
  const result = isModel ? await forModel(values, demand) : await forPair(values, demand);
  if (result.choice === null) return refuseDemand(demand, result.rows, values);
  await reportResult({ ...result.choice, attainable: true }, values, textOf(result.choice));
}

/** @throws UsageError when nothing is asked for, or a value is out of range */
export function readDemand(command: string, values: Values): Demand {
  const number = (name: string, highest: number) => numberFlag(name, values[name] as string | undefined, 0, highest);
  const wishes: Wishes = {};
  const maxOffload = number("max-offload", 1);
  const minAccuracy = number("min-accuracy", 1);
  const maxMeanLatencyMs = number("max-mean-latency", MAX_MS);
  if (maxOffload !== undefined) wishes.maxOffload = maxOffload;
  if (minAccuracy !== undefined) wishes.minAccuracy = minAccuracy;
  if (maxMeanLatencyMs !== undefined) wishes.maxMeanLatencyMs = maxMeanLatencyMs;
  const maxAccuracyLoss = insideUnit("max-accuracy-loss", number("max-accuracy-loss", 1));
  const confidenceLevel = insideUnit("confidence-level", number("confidence-level", 1));
  const method = choiceFlag("risk-method", values["risk-method"] as string, RISK_METHODS);
  if (maxAccuracyLoss === undefined) {
    if (confidenceLevel !== undefined) throw new UsageError("--confidence-level needs --max-accuracy-loss");
    if (Object.keys(wishes).length === 0) {
      throw new UsageError(`ask for something, such as --max-offload 0.3; see spillway ${command} --help`);
    }
    return { wishes, limit: null };
  }
  return { wishes, limit: { maxAccuracyLoss, confidenceLevel: confidenceLevel ?? DEFAULT_LEVEL, method } };
}

/** No test of a guarantee can be made at either end. */
function insideUnit(name: string, value: number | undefined): number | undefined {
  if (value !== 0 && value !== 1) return value;
  throw new UsageError(`--${name}: expected a number between 0 and 1, ends excluded, got ${value}`);
}

async function forPair(values: Values, demand: Demand) {
  const rule = ruleFlag((values.confidence as string | undefined) ?? "margin");
  const edgeMs = numberFlag("stage-ms", values["stage-ms"] as string | undefined, 0, MAX_MS) ?? DEFAULT_EDGE_MS;
  const cloudMs = numberFlag("cloud-ms", values["cloud-ms"] as string | undefined, 0, MAX_MS) ?? DEFAULT_CLOUD_MS;
  const pair = await readPair(pairFiles("thresholds", values as Parameters<typeof pairFiles>[1]), [rule]);
  const confidence = pair.confidence.get(rule) as Float64Array;
  return { choice: choosePair({ ...pair, confidence }, { edgeMs, cloudMs }, demand), rows: pair.rows };
}

async function forModel(values: Values, demand: Demand) {
  const rule = ruleFlag((values.confidence as string | undefined) ?? "max-probability");
  const model = values.model as string;
  const folder = await openModelFolder(model);
  const calibrationFile = (values.calibration as string | undefined) ?? path.join(model, "calibration.json");
  const calibration = await readCalibration(calibrationFile, folder);
  // Known before the images are run, which takes minutes.
  if (demand.limit !== null) expectUnseenRows(calibration);
  const costs = readCosts(folder.manifest, values);
  const evaluation = await loadEvaluation(folder, values as { evaluation?: string; images?: string });
  return { choice: chooseSystem(evaluation, calibration, rule, costs, demand), rows: judgedRows(evaluation, demand) };
}

/** Costs of a model's stages by `--stage-ms` and `--cloud-ms`. */
export function readCosts(manifest: Parameters<typeof systemCosts>[0], values: Values) {
  const stageMs = numbersFlag("stage-ms", values["stage-ms"] as string | undefined, 0, MAX_MS);
  const cloudMs = numberFlag("cloud-ms", values["cloud-ms"] as string | undefined, 0, MAX_MS);
  return systemCosts(manifest, stageMs, cloudMs);
}

/** How many rows decide whether a demand can be had. */
export function judgedRows(evaluation: Evaluation, { limit }: Demand): number {
  return rowsOfPart(evaluation, limit === null ? "calibration" : "certification").rows;
}

/** Says in every way asked for that a demand cannot be had. @throws Error that says so in one line */
export async function refuseDemand(demand: Demand, rows: number, output: OutputFlags): Promise<never> {
  const reason = notAttainable(demand, rows);
  await reportResult({ attainable: false, reason, guarantee: null }, output, "");
  throw new Error(reason);
}

/** Why a demand cannot be had, with what would help where that is known. */
function notAttainable({ limit }: Demand, rows: number): string {
  if (limit === null) return "not attainable: no thresholds fulfil all wishes on these rows; loosen one";
  const needed = certifiableRows(limit);
  const help =
    rows < needed ? `; at least ${needed} rows to certify on are needed, and more where edge and cloud differ` : "";
  const { maxAccuracyLoss, confidenceLevel } = limit;
  return `not attainable: no thresholds lose at most ${maxAccuracyLoss} of accuracy at level ${confidenceLevel} (${limit.method}) and fulfil all wishes on ${rows} rows${help}`;
}

export function textOf({ exits, offload, offloadOn, guarantee, expected, expectedOn }: ThresholdResult): string {
  const lines = [
    `exits    ${exits.map((threshold) => threshold.toFixed(4)).join(", ")}`,
    `offload  ${offload.toFixed(4)} (${offloadOn === "confidence" ? "confidence below this" : "expected gain from this on"})`,
    `expected ${percent(expected.accuracy)} accuracy, ${percent(expected.offloadRate)} offloaded, ` +
      `${expected.meanLatencyMs.toFixed(1)} ms on average (${expectedOn.rows} rows: ${expectedOn.how})`,
  ];
  if (guarantee !== null) {
    const { maxAccuracyLoss, confidenceLevel, method } = guarantee;
    const points = Number((maxAccuracyLoss * 100).toPrecision(3));
    lines.push(
      `guarantee at most ${points} points of accuracy below offloading everything, level ${confidenceLevel} (${method})`,
    );
  }
  return `${lines.join("\n")}\n`;
}
