// What the running product answers, against what onnxruntime-node computes on the same pixels offline:
// the report half of CIFAR-100's shared test images, sent as PNG over HTTP. Nothing here chooses
// anything; calibrators, vote, fusion and metric were fitted on the other half.
import { readFile } from "node:fs/promises";
import { applyCalibrator } from "@spillway/shared/calibration/calibrator";
import { confidenceOf } from "@spillway/shared/calibration/confidence";
import { poolProbabilities } from "@spillway/shared/calibration/opinion-pool";
import { rowOf } from "@spillway/shared/calibration/row-major";
import { argmax } from "@spillway/shared/calibration/softmax";
import { expectedGain } from "@spillway/shared/offload/expected-gain";
import { fuse } from "@spillway/shared/offload/fusion";
import { type Calibration, calibrationSchema } from "@spillway/shared/schema/calibration";
import type { Config } from "@spillway/shared/schema/config";
import { parseDocument } from "@spillway/shared/schema/document";
import type { Result } from "@spillway/shared/schema/result";
import { type ModelLogits, runModels } from "../../models/src/evaluation/run-models.ts";
import { readMosaic } from "../../models/src/images/mosaic.ts";
import { splitInHalves } from "../../models/src/images/split.ts";
import { openModelFolder } from "../../models/src/model-folder.ts";
import { type Stack, startStack } from "../e2e/stack.ts";
import { markdownTable, percent } from "./measure.ts";
import { pngOf } from "./pictures.ts";
import { configOf, putConfig } from "./stack-config.ts";

export const MOSAIC = "../shared/data/cifar100/val.webp";
const CALIBRATION = "models/cifar100/calibration.json";
const CONCURRENCY = 4;
const UNLIMITED = { rate: 100_000, depth: 100_000 };

/** Opens exactly one exit, so that every image leaves there. */
const only = (exit: number) => (config: Config) => {
  config.edge.exits = config.edge.exits.map((_, index) => ({ threshold: index === exit ? 0 : 2 }));
  config.offload.enabled = false;
};

const SYSTEMS: Record<string, (config: Config) => void> = {
  "exit 1 only": only(0),
  "exit 2 only": only(1),
  "exit 3 only": only(2),
  "vote of the exits": (config) => {
    for (const exit of config.edge.exits) exit.threshold = 2;
    config.offload.enabled = false;
  },
  "cloud only": (config) => {
    for (const exit of config.edge.exits) exit.threshold = 2;
    const always = { threshold: -1, bucket: UNLIMITED, timeoutMs: 30_000 };
    Object.assign(config.offload, { ...always, route: "large", fuse: false });
  },
  "default, but tokens for all": (config) => {
    Object.assign(config.offload, { bucket: UNLIMITED, timeoutMs: 30_000 });
  },
  default: () => {},
};

export async function benchAccuracy() {
  const folder = await openModelFolder("models/cifar100");
  const calibration = parseDocument(calibrationSchema, await readFile(CALIBRATION, "utf8"), CALIBRATION);
  const tiles = await readMosaic(MOSAIC, folder.manifest.edge.preprocessing, folder.manifest.labels.length);
  const { report } = splitInHalves(tiles.count);
  const labels = report.map((index) => tiles.labels[index]);
  const logits = await runModels(folder, tiles, report);
  const images = await Promise.all(
    report.map(async (index) => {
      const { data, width, height } = await tiles.read(index);
      return pngOf(data, width, height);
    }),
  );
  const stack = await startStack();
  const results = [];
  try {
    for (const [system, change] of Object.entries(SYSTEMS)) {
      const config = await configOf(stack, change);
      await putConfig(stack, config);
      const startMs = performance.now();
      const answers = await classifyAll(stack, images);
      const seconds = (performance.now() - startMs) / 1000;
      results.push({ system, seconds, ...compare(answers, logits, labels, calibration, config) });
    }
  } finally {
    await stack.stop();
  }
  const table = markdownTable(
    ["configuration", "accuracy", "offloaded", "left at exit 1 / 2 / 3", "same label as offline"],
    results.map(({ system, accuracy, standardError, offloadRate, leftAt, agreement }) => [
      system,
      `${percent(accuracy)} ± ${(standardError * 100).toFixed(1)}`,
      percent(offloadRate),
      leftAt.map((share) => percent(share, 0)).join(" / "),
      percent(agreement, 2),
    ]),
  );
  return { results, tables: { accuracy: `n = ${report.length}\n\n${table}` } };
}

async function classifyAll(stack: Stack, images: Uint8Array<ArrayBuffer>[]): Promise<Result[]> {
  const answers: Result[] = [];
  let next = 0;
  async function sendNext(): Promise<void> {
    while (next < images.length) {
      const index = next++;
      const response = await fetch(`${stack.edgeUrl}/v1/classify?top=1`, {
        method: "POST",
        headers: { "content-type": "image/png" },
        body: images[index],
      });
      if (!response.ok) throw new Error(`image ${index}: ${response.status} ${await response.text()}`);
      answers[index] = (await response.json()) as Result;
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, sendNext));
  return answers;
}

/** The answers' accuracy, and how often the label is the one computed offline for the same tier and exit. */
function compare(answers: Result[], logits: ModelLogits, labels: number[], calibration: Calibration, config: Config) {
  const n = answers.length;
  const count = (holds: (answer: Result, row: number) => boolean) => answers.filter(holds).length / n;
  const accuracy = count((answer, row) => answer.index === labels[row]);
  return {
    n,
    accuracy,
    standardError: Math.sqrt((accuracy * (1 - accuracy)) / n),
    offloadRate: count((answer) => answer.decision.tier === "cloud"),
    leftAt: logits.exits.map((_, exit) => count((answer) => answer.decision.exit === exit + 1)),
    agreement: count((answer, row) => answer.index === offlineLabel(answer, row, logits, calibration, config)),
    reasons: Object.fromEntries(
      [...new Set(answers.map((answer) => answer.decision.reason))].map((reason) => [
        reason,
        count((answer) => answer.decision.reason === reason),
      ]),
    ),
  };
}

/**
 * The label that the same exit or the cloud gives offline; -1 when the answer left at another place
 * than it would have offline. Only whether a token was there is taken from the answer.
 */
function offlineLabel(
  answer: Result,
  row: number,
  logits: ModelLogits,
  calibration: Calibration,
  config: Config,
): number {
  const { classes } = logits;
  const exits = logits.exits.map((member, exit) =>
    applyCalibrator(rowOf(member, row, classes), calibration.exits[exit]),
  );
  const confident = exits.findIndex(
    (exit, index) => confidenceOf(exit, config.edge.confidence) >= config.edge.exits[index].threshold,
  );
  if (answer.decision.exit !== (confident === -1 ? null : confident + 1)) return -1;
  if (confident !== -1) return argmax(exits[confident]);
  const vote = poolProbabilities(exits, config.edge.vote);
  const { tier, reason } = answer.decision;
  const metric = expectedGain(calibration, config.edge.confidence, vote, confidenceOf(vote, config.edge.confidence));
  const isWorthIt = config.offload.enabled && metric >= config.offload.threshold;
  if (isWorthIt !== (tier === "cloud" || reason === "no-tokens")) return -1;
  if (tier === "edge") return argmax(vote);
  const cloud = applyCalibrator(rowOf(logits.large, row, classes), calibration.cloud);
  const fusion = config.offload.fuse ? calibration.fusion : null;
  return argmax(fusion === null ? cloud : fuse(vote, cloud, fusion));
}
