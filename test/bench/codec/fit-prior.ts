// Fits the prior of the code model and writes shared/src/split/entropy/prior.ts:
//
//   node test/bench/codec/fit-prior.ts [model folder ...]
//
// The model of the codec itself runs over the calibration half's features, of both stages that hand features on and at
// every number of bits, and never forgets; its pace falls to almost nothing, and where the weights then stand is the
// prior. Another prior is another coder: frames of the old one would decode to nonsense, so its number in frame.ts must
// rise.
import { writeFile } from "node:fs/promises";
import { mulberry32, shuffledIndices } from "@spillway/shared/random/mulberry32";
import { ROW_LENGTH } from "@spillway/shared/split/entropy/code-contexts";
import { ROW_COUNT } from "@spillway/shared/split/entropy/code-model";
import { LOG_ODDS_ONE } from "@spillway/shared/split/entropy/logistic";
import { codeMap } from "@spillway/shared/split/entropy/modelled";
import { quantiseFeatures } from "@spillway/shared/split/quantiser";
import { CodeLength } from "./code-length.ts";
import { type FeatureMaps, stageFeatures } from "./feature-maps.ts";

const OUTPUT = "shared/src/split/entropy/prior.ts";
const IMAGES = 400;
const ROUNDS = 2;
const SEED = 1;
/** In the unit of the model's learning rate. */
const RATE = { first: 1311, last: 30 };
/** Log-odds of one step of a byte. */
const BYTE_STEP = LOG_ODDS_ONE / 32;

async function main(): Promise<void> {
  const folders = process.argv.length > 2 ? process.argv.slice(2) : ["models/cifar100"];
  const models = [];
  for (const folder of folders) models.push(await stageFeatures(folder, "calibration", 1));
  const layers = models.flatMap(({ stages }) => stages);
  const maps = layers.flatMap(({ shape, maps }) =>
    maps.slice(0, IMAGES).flatMap((map) => [1, 2, 4, 8].map((bits) => ({ shape, map, bits }))),
  );
  const weights = new Int32Array(ROW_COUNT * ROW_LENGTH);
  const random = mulberry32(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const order = shuffledIndices(maps.length, random);
    order.forEach((index, step) => {
      const { shape, map, bits } = maps[index];
      const done = (round + step / maps.length) / ROUNDS;
      const features = quantiseFeatures(map, shape, { channels: shape[0], bits });
      const rate = Math.round(RATE.first + (RATE.last - RATE.first) * done);
      codeMap(
        new CodeLength(),
        { setting: features.setting, height: shape[1], width: shape[2] },
        features,
        weights,
        rate,
      );
    });
  }
  await writeFile(OUTPUT, sourceOf(layers, weights));
}

function sourceOf(layers: readonly FeatureMaps[], weights: Int32Array): string {
  const shapes = layers.map(({ shape }) => shape.join("x")).join(", ");
  const rows = Array.from({ length: ROW_COUNT }, (_, row) => {
    const steps = Array.from(weights.subarray(row * ROW_LENGTH, (row + 1) * ROW_LENGTH), (weight) =>
      Math.max(-127, Math.min(127, Math.round(weight / BYTE_STEP))),
    );
    return `  "${Buffer.from(Int8Array.from(steps).buffer).toString("base64")}",`;
  });
  return `// Where the weights of the code model start: what feature maps have in common. Fitted by
// test/bench/codec/fit-prior.ts on ${IMAGES} images of the calibration half, layers of ${shapes}.
// It is part of the coder: another prior is another coder.
import { LOG_ODDS_ONE } from "./logistic.ts";

/** A row a decision, in base64; each byte a weight, signed, in 1/32. */
const ROWS = [
${rows.join("\n")}
];

const WEIGHTS = Int32Array.from(ROWS.flatMap((row) => Array.from(atob(row), weightOf)));

/** A copy to learn in. */
export function priorWeights(): Int32Array<ArrayBuffer> {
  return WEIGHTS.slice();
}

function weightOf(character: string): number {
  return ((character.charCodeAt(0) << 24) >> 24) * (LOG_ODDS_ONE / 32);
}
`;
}

await main();
