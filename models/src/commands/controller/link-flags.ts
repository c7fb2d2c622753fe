// The flags that `simulate` and `compare` share: what may be sent, what it gains, and what the way is like.
import path from "node:path";
import type { Route } from "@spillway/shared/split/bandwidth";
import { DEFAULT_WEIGHTS, type SendOption } from "@spillway/shared/split/controller";
import { readCalibration } from "../../evaluation/calibration-file.ts";
import { loadEvaluation, rowsOfPart } from "../../evaluation/load-evaluation.ts";
import { numberFlag, numbersFlag, ruleFlag } from "../../flag-values.ts";
import type { LinkComparison } from "../../link/compare.ts";
import { assumedImages, evaluatedImages, type FrameImages } from "../../link/frame-images.ts";
import { modelOptions, RAW_BYTES, rawBytesOf, readOptions } from "../../link/send-options.ts";
import { openModelFolder } from "../../model-folder.ts";
import { note } from "../../result-output.ts";
import { UsageError } from "../../usage.ts";
import { seedFlag } from "../policy/simulation-flags.ts";
import { bucketFlags } from "../policy/traffic-flags.ts";

const text = { type: "string" } as const;

export const LINK_FLAGS = {
  options: text,
  model: text,
  calibration: text,
  evaluation: text,
  confidence: { type: "string", default: "max-probability" },
  "raw-bytes": text,
  "round-trip-ms": { type: "string", default: "20" },
  "service-ms": { type: "string", default: "3,5" },
  "jitter-ms": { type: "string", default: "1" },
  rate: text,
  depth: text,
  horizon: text,
  "miss-penalty": text,
  frames: text,
  seed: text,
  chart: { type: "string", multiple: true },
} as const;

export const linkHelp = (
  frames: number,
) => `  --options FILE       .json, what may be sent: [{ "route": "tail"|"large", "setting": "16x4"|null, "bytes", "gainShare" }],
                       gainShare as a share of what asking the large model gains
  --model FOLDER       instead: the settings of this model's tail, by its calibration.json (or --calibration FILE)
  --evaluation E.npz   with --model: the report half of its images, as \`spillway evaluate\` wrote them; without it a
                       frame's metric is 0.25 u^3 for even u, and the edge is taken to be right about 70 of 100
  --confidence RULE    max-probability (default), margin, entropy: the configuration's edge.confidence
  --raw-bytes B        features that are not coded (default: of the model's fullest setting, or ${RAW_BYTES}); frames come so
                       fast that these need a multiple of the trace's mean throughput
  --round-trip-ms R    besides bytes (default 20); --service-ms TAIL,LARGE (default 3,5); --jitter-ms J: the standard
                       deviation of a normal whose absolute value is added to each (default 1)
  --rate R --depth B   the token bucket (default: as many tokens as are asked for)
  --horizon H          frames that the controller plans (default ${DEFAULT_WEIGHTS.horizon})
  --miss-penalty P     what an answer too late costs (default ${DEFAULT_WEIGHTS.missPenalty}, a wrong answer being 1)
  --frames N           to play (default ${frames}); --seed N (default 1)
`;

export interface LinkValues {
  options?: string | undefined;
  model?: string | undefined;
  calibration?: string | undefined;
  evaluation?: string | undefined;
  confidence: string;
  "raw-bytes"?: string | undefined;
  "round-trip-ms": string;
  "service-ms": string;
  "jitter-ms": string;
  rate?: string | undefined;
  depth?: string | undefined;
  horizon?: string | undefined;
  "miss-penalty"?: string | undefined;
  frames?: string | undefined;
  seed?: string | undefined;
}

export const LONGEST_MS = 60_000;
const MOST_FRAMES = 1_000_000;
const LONGEST_HORIZON = 16;
/** Chosen on the tuning half of the shared traces, as the better of a few. */
const BUFFER = { low: 0.3, high: 0.9 };

type LinkSetup = Omit<LinkComparison, "multiples" | "deadlinesMs">;

/** All but files: so that a slip in a flag is told before anything is read. */
export function linkNumbers(command: string, values: LinkValues, defaultFrames: number) {
  const whole = (name: "horizon" | "frames", most: number, otherwise: number) => {
    const value = numberFlag(name, values[name], 1, most) ?? otherwise;
    if (!Number.isInteger(value)) throw new UsageError(`--${name}: expected a whole number, got "${values[name]}"`);
    return value;
  };
  const number = (name: "round-trip-ms" | "jitter-ms", least: number, most: number) =>
    numberFlag(name, values[name], least, most) as number;
  const roundTripMs = number("round-trip-ms", 0, LONGEST_MS);
  const service = numbersFlag("service-ms", values["service-ms"], 0, LONGEST_MS) as number[];
  if (service.length !== 2) {
    throw new UsageError(`--service-ms: expected two numbers, of tail and large, got "${values["service-ms"]}"`);
  }
  const latencyMs: Record<Route, number> = { tail: roundTripMs + service[0], large: roundTripMs + service[1] };
  const hasBucket = values.rate !== undefined || values.depth !== undefined;
  return {
    rawBytes: numberFlag("raw-bytes", values["raw-bytes"], 1, 1e9),
    latencyMs,
    jitterMs: number("jitter-ms", 0, LONGEST_MS),
    bucket: hasBucket ? bucketFlags(command, values) : null,
    weights: {
      horizon: whole("horizon", LONGEST_HORIZON, DEFAULT_WEIGHTS.horizon),
      missPenalty: numberFlag("miss-penalty", values["miss-penalty"], 0, 1) ?? DEFAULT_WEIGHTS.missPenalty,
    },
    buffer: BUFFER,
    frames: whole("frames", MOST_FRAMES, defaultFrames),
    seed: seedFlag(values.seed),
  };
}

/** @throws UsageError for flags that do not fit together, Error naming the file that is wrong */
export async function readLinkSetup(command: string, values: LinkValues, defaultFrames: number): Promise<LinkSetup> {
  const numbers = linkNumbers(command, values, defaultFrames);
  const { options, images, rawBytes } = await readOptionsAndImages(command, values, numbers.seed);
  return { ...numbers, rawBytes: numbers.rawBytes ?? rawBytes, options, images };
}

async function readOptionsAndImages(
  command: string,
  values: LinkValues,
  seed: number,
): Promise<{ options: readonly SendOption[]; images: FrameImages; rawBytes: number }> {
  const confidence = ruleFlag(values.confidence);
  if (values.model === undefined) {
    if (values.options === undefined) {
      throw new UsageError(`--options or --model is needed; see spillway ${command} --help`);
    }
    const wrong = (["evaluation", "calibration"] as const).find((name) => values[name] !== undefined);
    if (wrong !== undefined) throw new UsageError(`--${wrong}: needs --model`);
    note("note: metrics are assumed, not measured");
    return { options: await readOptions(values.options), images: assumedImages(seed), rawBytes: RAW_BYTES };
  }
  const folder = await openModelFolder(values.model);
  const calibration = await readCalibration(values.calibration ?? path.join(values.model, "calibration.json"), folder);
  const options =
    values.options === undefined
      ? modelOptions(calibration, folder.manifest.cloud.large)
      : await readOptions(values.options);
  if (options === null)
    throw new Error(`${values.model}: its calibration knows no tail; say what may be sent by --options`);
  const rawBytes = rawBytesOf(folder.manifest.cloud.tail);
  if (values.evaluation === undefined) {
    note("note: metrics are assumed, not measured");
    return { options, images: assumedImages(seed), rawBytes };
  }
  const evaluation = await loadEvaluation(folder, { evaluation: values.evaluation, withTail: true });
  // The other half is what calibrations are fitted on.
  return { options, images: evaluatedImages(rowsOfPart(evaluation, "report"), calibration, confidence), rawBytes };
}
