// What an operator asks of thresholds on the command line, and what things cost.

import type { PairCosts } from "@spillway/shared/offload/pair-threshold";
import { RISK_METHODS, type RiskLimit } from "@spillway/shared/offload/risk-control";
import type { Performance, SystemCosts } from "@spillway/shared/offload/system-outcomes";
import type { Wishes } from "@spillway/shared/offload/threshold-choice";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { DEFAULT_CLOUD_MS, systemCosts } from "../evaluation/system.ts";
import { choiceFlag, numberFlag, numbersFlag } from "../flag-values.ts";
import { UsageError } from "../usage.ts";

/** What is asked for: wishes, a guarantee, or both. */
export interface Demand {
  wishes: Wishes;
  limit: RiskLimit | null;
}

const MAX_MS = 1e6;
/** What an edge model takes when nobody says, in a pair of which only probabilities are known. */
const DEFAULT_EDGE_MS = 3;
const DEFAULT_LEVEL = 0.95;

/** Flags of what is asked for. */
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
  --min-accuracy F       least accuracy, a fraction: the fastest thresholds that reach it
  --max-mean-latency MS  longest mean latency of an answer
  --max-accuracy-loss F  a guarantee: the expected accuracy on unseen images is at most F below offloading everything,
                         by the fastest thresholds of which that can be said (without either: the most accurate)
  --confidence-level F   probability with which that holds (default ${DEFAULT_LEVEL})
  --risk-method METHOD   ${RISK_METHODS.join(", ")} (default the first)
  --stage-ms A,B,...     latency of each stage (default: its multiply-adds at 10 M a ms); of a pair one, ${DEFAULT_EDGE_MS}
  --cloud-ms MS          what an offload adds (default ${DEFAULT_CLOUD_MS})
`;

/** Values of {@link DEMAND_FLAGS}. */
export type DemandValues = { [Name in keyof typeof DEMAND_FLAGS]?: string | undefined };

/** @throws UsageError when nothing is asked for, or a value is out of range */
export function readDemand(command: string, values: DemandValues): Demand {
  const number = (name: keyof DemandValues, highest: number) => numberFlag(name, values[name], 0, highest);
  const wishes: Wishes = {};
  const maxOffload = number("max-offload", 1);
  const minAccuracy = number("min-accuracy", 1);
  const maxMeanLatencyMs = number("max-mean-latency", MAX_MS);
  if (maxOffload !== undefined) wishes.maxOffload = maxOffload;
  if (minAccuracy !== undefined) wishes.minAccuracy = minAccuracy;
  if (maxMeanLatencyMs !== undefined) wishes.maxMeanLatencyMs = maxMeanLatencyMs;
  const maxAccuracyLoss = insideUnit("max-accuracy-loss", number("max-accuracy-loss", 1));
  const confidenceLevel = insideUnit("confidence-level", number("confidence-level", 1));
  const method = choiceFlag("risk-method", values["risk-method"] ?? RISK_METHODS[0], RISK_METHODS);
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
  throw new UsageError(
    `--${name}: expected a fraction between 0 and 1, ends excluded, got ${value}; 0.01 is one point`,
  );
}

/** Costs of a pair by `--stage-ms`, of which there is one, and `--cloud-ms`. */
export function readPairCosts(values: DemandValues): PairCosts {
  return {
    edgeMs: numberFlag("stage-ms", values["stage-ms"], 0, MAX_MS) ?? DEFAULT_EDGE_MS,
    cloudMs: numberFlag("cloud-ms", values["cloud-ms"], 0, MAX_MS) ?? DEFAULT_CLOUD_MS,
  };
}

/** Costs of a model's stages by `--stage-ms` and `--cloud-ms`. */
export function readCosts(manifest: Manifest, values: DemandValues): SystemCosts {
  const stageMs = numbersFlag("stage-ms", values["stage-ms"], 0, MAX_MS);
  const cloudMs = numberFlag("cloud-ms", values["cloud-ms"], 0, MAX_MS);
  return systemCosts(manifest, stageMs, cloudMs);
}

/** The wishes that a performance on other rows than chose does not meet, in words; none when it meets all. */
export function missedWishes(expected: Omit<Performance, "exitShares">, wishes: Wishes): string[] {
  const missed: string[] = [];
  if (wishes.maxOffload !== undefined && expected.offloadRate > wishes.maxOffload) missed.push("max-offload");
  if (wishes.minAccuracy !== undefined && expected.accuracy < wishes.minAccuracy) missed.push("min-accuracy");
  if (wishes.maxMeanLatencyMs !== undefined && expected.meanLatencyMs > wishes.maxMeanLatencyMs) {
    missed.push("max-mean-latency");
  }
  return missed;
}
