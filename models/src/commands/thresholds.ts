// `spillway thresholds`: the exits' thresholds and the offload threshold, on demand or with a guarantee.
import path from "node:path";
import { readCalibration } from "../evaluation/calibration-file.ts";
import { loadEvaluation } from "../evaluation/load-evaluation.ts";
import { PAIR_FLAGS, PAIR_HELP, type PairFiles, pairFiles, readPair } from "../evaluation/pair.ts";
import { flagsOnly, ruleFlag } from "../flag-values.ts";
import { openModelFolder } from "../model-folder.ts";
import { OUTPUT_FLAGS, reportResult } from "../result-output.ts";
import { choosePair } from "../tuning/choose-pair.ts";
import { chooseSystem, expectUnseenPart } from "../tuning/choose-system.ts";
import {
  DEMAND_FLAGS,
  DEMAND_HELP,
  type Demand,
  type DemandValues,
  readCosts,
  readDemand,
  readPairCosts,
} from "../tuning/demand.ts";
import { describeThresholds, judgedRows, refuseDemand } from "../tuning/threshold-text.ts";
import { parseFlags, UsageError } from "../usage.ts";

const HELP = `spillway thresholds --edge E.npy --cloud C.npy --labels Y.npy [--confidence RULE] <what is asked for>
spillway thresholds --evaluation E.npz|--images MOSAIC|FOLDER [--model FOLDER] [--calibration FILE] <what is asked for>

A pair: samples whose confidence is below \`offload\`, which is the one exit's threshold too, are offloaded.

${PAIR_HELP}
A model: an image leaves at the first exit whose confidence reaches its threshold; undecided ones are offloaded when
their expected gain reaches \`offload\`. These are the configuration's edge.exits and offload.threshold.

  --evaluation E.npz     what \`spillway evaluate\` wrote
  --images               labelled images, instead: a mosaic, or a folder with one folder a class
  --skip-broken          leave out images that the Worker would refuse; otherwise the first ends all
  --model FOLDER         default models/cifar100
  --calibration FILE     default calibration.json in the model's folder; a guarantee needs one of
                         \`spillway calibrate --part fit\`

What is asked for, at least one of the first four:

${DEMAND_HELP}
  --no-fuse              of a model: the cloud answers alone, as with offload.fuse false
  --confidence RULE      margin (default for a pair), max-probability (default for a model), entropy
  --json                 { exits, offload, guarantee: { maxAccuracyLoss, confidenceLevel, method } | null,
                         expected: { accuracy, offloadRate, meanLatencyMs } }
  --out FILE             also write that there

\`expected\` comes from rows that chose nothing: the report half of a model's images; cross-validation for a pair.
What cannot be had is "not attainable", and the exit code is 1.
`;

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
      "no-fuse": { type: "boolean", default: false },
      "skip-broken": { type: "boolean", default: false },
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
  if (!isModel && (values.calibration !== undefined || values["no-fuse"])) {
    throw new UsageError("--calibration and --no-fuse are of a model; a pair is taken as its probabilities are");
  }
  const result = isModel ? await forModel(values, demand) : await forPair(values, demand);
  if (result.choice === null) return refuseDemand(demand, result.rows, values);
  await reportResult({ ...result.choice, attainable: true }, values, describeThresholds(result.choice));
}

type PairValues = DemandValues & { [Name in keyof PairFiles]?: string } & { confidence?: string };

async function forPair(values: PairValues, demand: Demand) {
  const rule = ruleFlag(values.confidence ?? "margin");
  const costs = readPairCosts(values);
  const pair = await readPair(pairFiles("thresholds", values), [rule]);
  const confidence = pair.confidence.get(rule) as Float64Array;
  return { choice: choosePair({ ...pair, confidence }, costs, demand), rows: pair.rows };
}

interface ModelValues extends DemandValues {
  evaluation?: string;
  images?: string;
  model: string;
  calibration?: string;
  confidence?: string;
  "no-fuse": boolean;
  "skip-broken": boolean;
}

async function forModel(values: ModelValues, demand: Demand) {
  const rule = ruleFlag(values.confidence ?? "max-probability");
  const folder = await openModelFolder(values.model);
  const calibration = await readCalibration(values.calibration ?? path.join(values.model, "calibration.json"), folder);
  // Known before the images are run, which takes minutes.
  if (demand.limit !== null) expectUnseenPart(calibration);
  const costs = readCosts(folder.manifest, values);
  const evaluation = await loadEvaluation(folder, values);
  const served = values["no-fuse"] ? { ...calibration, fusion: null } : calibration;
  return { choice: chooseSystem(evaluation, served, rule, costs, demand), rows: judgedRows(evaluation, demand) };
}
