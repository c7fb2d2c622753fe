// How short the coders make quantised features, and how long that takes: real features of the report half, which chose
// nothing. Deflate is the baseline, in the same run; stage 1's own time says what there is to spare.
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { codeMap, encodeModelled } from "@spillway/shared/split/entropy/modelled";
import { priorWeights } from "@spillway/shared/split/entropy/prior";
import { encodeStored } from "@spillway/shared/split/entropy/stored";
import { decodeFrame, encodeFrame } from "@spillway/shared/split/frame";
import { writeParts } from "@spillway/shared/split/frame-layout";
import { type QuantisedFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import { type FeatureShape, type Setting, settingName } from "@spillway/shared/split/setting";
import { CANDIDATES } from "./codec/candidates.ts";
import { CodeLength } from "./codec/code-length.ts";
import { stageFeatures } from "./codec/feature-maps.ts";
import { markdownTable, milliseconds, percent, summarise } from "./measure.ts";

const MODEL = process.env.SPILLWAY_BENCH_MODEL ?? "models/cifar100";
/** For a model without a tail. */
const USUAL_SETTINGS: Setting[] = [8, 16, 32, 64].flatMap((channels) =>
  [1, 2, 4, 8].map((bits) => ({ channels, bits })),
);
const SHIPPED = "shipped";
const BASELINE = "deflate";
/** Images whose features are coded at every setting by every coder, of the report half. */
const FRAMES = 400;
/** Frames that are decoded again for each coder. */
const CHECKED = 50;
const TIMED = 200;
const WARM_UP = 100;
/** Frames above it must be within 5 % of what the model says they are worth. */
const SMALL_FRAME = 256;

export async function benchCodec() {
  const { manifest, stages, stage1Ms } = await stageFeatures(MODEL, "report");
  const [{ shape, maps: all }] = stages;
  const maps = all.slice(0, FRAMES);
  const settings = manifest.cloud.tail?.settings ?? USUAL_SETTINGS.filter(({ channels }) => channels <= shape[0]);
  const rows = settings.map(({ channels, bits }) => {
    const setting = { channels, bits };
    const quantised = maps.map((map) => quantiseFeatures(map, shape, setting));
    const bytes = Object.fromEntries(CANDIDATES.map(({ name }) => [name, meanBytes(name, quantised)]));
    return {
      setting: settingName(setting),
      rawBytes: Math.ceil((channels * shape[1] * shape[2] * bits) / 8),
      bytes,
      ofBaseline: bytes[SHIPPED] / bytes[BASELINE],
      frames: summarise(quantised.map((features) => encodeFrame(features).length)),
      aboveModel: aboveModel(quantised),
      milliseconds: times(maps, shape, setting, quantised),
    };
  });
  const stage1 = summarise(stage1Ms.slice(WARM_UP));
  const codec = markdownTable(
    [
      "setting",
      "codes, packed",
      "deflate",
      "zero-order",
      "no prior",
      "frame",
      "of deflate",
      "encode, ms",
      "decode, ms",
    ],
    rows.map(({ setting, rawBytes, bytes, ofBaseline, milliseconds: ms }) => [
      setting,
      String(rawBytes),
      ...[BASELINE, "zero-order, adaptive", "shipped, without its prior", SHIPPED].map((name) =>
        bytes[name].toFixed(0),
      ),
      percent(ofBaseline, 0),
      milliseconds(ms.encode),
      milliseconds(ms.decode),
    ]),
  );
  return { results: { model: manifest.name, n: maps.length, stage1, rows }, tables: { codec } };
}

/** Of whole frames. Where coding does not help they are stored, whoever the coder. */
function meanBytes(name: string, quantised: readonly QuantisedFeatures[]): number {
  const candidate = CANDIDATES.find((one) => one.name === name);
  if (candidate === undefined) throw new RangeError(`no coder ${name}`);
  let sum = 0;
  quantised.forEach((features, index) => {
    const { setting, shape } = features;
    const map = { setting, height: shape[1], width: shape[2] };
    const [coded, stored] = [candidate.encode(map, features), encodeStored(map, features)];
    const payload = coded.length < stored.length ? coded : stored;
    sum += writeParts({ coder: 0, setting, shape, payload }).length;
    if (index >= CHECKED) return;
    const decoded = candidate.decode(map, coded);
    const isSame =
      decoded?.codes.every((code, at) => code === features.codes[at]) &&
      decoded.ranges.every((value, at) => value === features.ranges[at]);
    if (!isSame) throw new Error(`${name}: does not bring back what it coded at ${settingName(setting)}`);
  });
  return sum / quantised.length;
}

/** How much longer payloads are than their own model's code length, on average and, of those above 256 bytes, at most. */
function aboveModel(quantised: readonly QuantisedFeatures[]) {
  let [coded, worth, worst] = [0, 0, 0];
  for (const features of quantised) {
    const map = { setting: features.setting, height: features.shape[1], width: features.shape[2] };
    const length = new CodeLength();
    codeMap(length, map, features, priorWeights());
    const { length: bytes } = encodeModelled(map, features);
    coded += bytes;
    worth += length.bits / 8;
    if (bytes > SMALL_FRAME) worst = Math.max(worst, bytes / (length.bits / 8) - 1);
  }
  return { mean: coded / worth - 1, worst };
}

function times(maps: Float32Array[], shape: FeatureShape, setting: Setting, quantised: QuantisedFeatures[]) {
  const samples = {
    quantise: [] as number[],
    encode: [] as number[],
    decode: [] as number[],
    deflate: [] as number[],
    inflate: [] as number[],
  };
  const expected = { shape, settings: [setting] };
  const map = { setting, height: shape[1], width: shape[2] };
  for (let round = -WARM_UP; round < TIMED; round++) {
    const index = (round + WARM_UP) % maps.length;
    const features = quantised[index];
    const frame = encodeFrame(features);
    const deflated = deflateRawSync(encodeStored(map, features));
    const contenders: Record<keyof typeof samples, () => unknown> = {
      quantise: () => quantiseFeatures(maps[index], shape, setting),
      encode: () => encodeFrame(features),
      decode: () => decodeFrame(frame, expected),
      deflate: () => deflateRawSync(encodeStored(map, features)),
      inflate: () => inflateRawSync(deflated),
    };
    for (const [name, run] of Object.entries(contenders)) {
      const startMs = performance.now();
      run();
      if (round >= 0) samples[name as keyof typeof samples].push(performance.now() - startMs);
    }
  }
  return {
    quantise: summarise(samples.quantise),
    encode: summarise(samples.encode),
    decode: summarise(samples.decode),
    deflate: summarise(samples.deflate),
    inflate: summarise(samples.inflate),
  };
}
