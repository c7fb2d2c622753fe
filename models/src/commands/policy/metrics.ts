// `spillway policy metrics`: what offloading each image is expected to gain, and gained, for the other policy commands.
import path from "node:path";
import { encodeNpy } from "../../arrays/npy.ts";
import { readCalibration } from "../../evaluation/calibration-file.ts";
import { loadEvaluation } from "../../evaluation/load-evaluation.ts";
import { systemOutcomes } from "../../evaluation/system.ts";
import { flagsOnly, neededFlag, ruleFlag } from "../../flag-values.ts";
import { openModelFolder } from "../../model-folder.ts";
import { expectWritable, OUTPUT_FLAGS, reportResult, writeWhole } from "../../result-output.ts";
import { meanOf } from "../../simulation/simulate.ts";
import { parseFlags, UsageError } from "../../usage.ts";

const HELP = `spillway policy metrics --evaluation E.npz --metrics M.npy --rewards R.npy [--edge-loss L.npy]

  --evaluation E.npz   what \`spillway evaluate\` wrote; or --images: labelled images, a mosaic or a folder a class
  --skip-broken        leave out images that the Worker would refuse; otherwise the first ends all
  --model FOLDER       default models/cifar100
  --calibration FILE   default calibration.json in the model's folder
  --confidence RULE    max-probability (default), margin, entropy: the configuration's edge.confidence
  --metrics OUT        .npy, expected gain of asking the cloud by the exits' vote, an image
  --rewards OUT        .npy, what it gained: the vote's loss minus the cloud's, 1, 0 or -1
  --edge-loss OUT      .npy, the vote's loss, 0 or 1
  --json               { images, meanMetric, meanReward, edgeLoss }
  --out FILE           also write that there
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...OUTPUT_FLAGS,
      evaluation: { type: "string" },
      images: { type: "string" },
      "skip-broken": { type: "boolean", default: false },
      model: { type: "string", default: "models/cifar100" },
      calibration: { type: "string" },
      confidence: { type: "string", default: "max-probability" },
      metrics: { type: "string" },
      rewards: { type: "string" },
      "edge-loss": { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("policy metrics", flags.positionals);
  const files = {
    metrics: neededFlag("policy metrics", "metrics", values.metrics),
    rewards: neededFlag("policy metrics", "rewards", values.rewards),
    "edge-loss": values["edge-loss"],
  };
  const outputs = [...Object.values(files), values.out].filter((file) => file !== undefined);
  const twice = outputs.find((file, at) => outputs.indexOf(file) !== at);
  if (twice !== undefined) throw new UsageError(`${twice}: named twice as an output`);
  const rule = ruleFlag(values.confidence);
  for (const file of outputs) await expectWritable(file);
  const folder = await openModelFolder(values.model);
  const calibration = await readCalibration(values.calibration ?? path.join(values.model, "calibration.json"), folder);
  const evaluation = await loadEvaluation(folder, values);
  const { vote, cloud } = systemOutcomes(evaluation, evaluation.labels, calibration, rule);
  const edgeLoss = Float64Array.from(vote.correct, (correct) => 1 - correct);
  const rewards = Float64Array.from(edgeLoss, (loss, row) => loss - (1 - cloud.correct[row]));
  await writeNumbers(files.metrics, vote.metric);
  await writeNumbers(files.rewards, rewards);
  if (files["edge-loss"] !== undefined) await writeNumbers(files["edge-loss"], edgeLoss);
  const result = {
    images: evaluation.rows,
    meanMetric: meanOf(vote.metric).mean,
    meanReward: meanOf(rewards).mean,
    edgeLoss: meanOf(edgeLoss).mean,
  };
  const text = `${result.images} images: expected gain ${result.meanMetric.toFixed(4)}, gain ${result.meanReward.toFixed(4)}, edge loss ${result.edgeLoss.toFixed(4)}\n`;
  await reportResult(result, values, text);
}

function writeNumbers(file: string, data: Float64Array): Promise<void> {
  return writeWhole(file, encodeNpy({ shape: [data.length], data }));
}
