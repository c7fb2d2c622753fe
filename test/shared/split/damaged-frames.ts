// Damage to frames, for fuzzing: what lines, disks and adversaries do to bytes. Also run by test/bench, by the million.
import { decodeFrame, encodeFrame } from "@spillway/shared/split/frame";
import { LARGEST_HALF, type QuantisedFeatures } from "@spillway/shared/split/quantiser";
import { quantiserLevels, type Setting } from "@spillway/shared/split/setting";
import { below, drawCodes, drawFeatures, drawShape, type Random } from "./drawn-features.ts";
import { repaired } from "./repaired.ts";

/** Frames of one map are damaged this often before there is another. */
const DAMAGES_A_FRAME = 20;

type Damage = (frame: Uint8Array, random: Random) => Uint8Array;

const flipBits: Damage = (frame, random) => {
  const copy = frame.slice();
  for (let flips = 1 + below(4, random); flips > 0; flips--) copy[below(copy.length, random)] ^= 1 << below(8, random);
  return copy;
};

const overwrite: Damage = (frame, random) => {
  const copy = frame.slice();
  const start = below(copy.length, random);
  for (let at = start; at < Math.min(start + 1 + below(8, random), copy.length); at++) copy[at] = below(256, random);
  return copy;
};

/** The fields that sizes come from. */
const changeHeader: Damage = (frame, random) => {
  const copy = frame.slice();
  copy[1 + below(Math.min(7, copy.length - 1), random)] =
    below(2, random) === 0 ? below(256, random) : below(8, random);
  return copy;
};

const truncate: Damage = (frame, random) => frame.slice(0, below(frame.length, random));

const extend: Damage = (frame, random) => {
  const copy = new Uint8Array(frame.length + 1 + below(40, random));
  copy.set(frame);
  for (let at = frame.length; at < copy.length; at++) copy[at] = below(256, random);
  return copy;
};

/** A part left out, so that what follows stands in its place. */
const cutOut: Damage = (frame, random) => {
  const start = below(frame.length, random);
  const end = start + 1 + below(6, random);
  return Uint8Array.from([...frame.subarray(0, start), ...frame.subarray(end)]);
};

/** Any bytes, which begin as a frame does half of the time. */
const anyBytes: Damage = (_, random) => {
  const bytes = Uint8Array.from({ length: below(80, random) }, () => below(256, random));
  if (bytes.length > 2 && random() < 0.5) bytes.set([0xf7, (below(4, random) << 6) | (below(2, random) << 3) | 1]);
  return bytes;
};

const DAMAGES = [flipBits, overwrite, changeHeader, truncate, extend, cutOut, anyBytes];

export interface FuzzResult {
  /** How often each reason was given; "accepted" where another frame came of it, which only a repaired checksum allows. */
  outcomes: Record<string, number>;
  /** What went wrong; empty when all went well. */
  faults: string[];
}

/** Decodes damaged frames, half of them with a checksum that fits again. Whatever is accepted must be well-formed. */
export function fuzzFrames(count: number, random: Random): FuzzResult {
  const outcomes: Record<string, number> = {};
  const faults: string[] = [];
  let features = drawAny(random);
  let frame = encodeFrame(features);
  for (let done = 0; done < count; done++) {
    if (done % DAMAGES_A_FRAME === 0) {
      features = drawAny(random);
      frame = encodeFrame(features);
    }
    const isRepaired = random() < 0.5;
    const damaged = DAMAGES[below(DAMAGES.length, random)](frame, random);
    const bytes = isRepaired ? repaired(damaged) : damaged;
    const settings = [features.setting, { channels: 1, bits: 1 }, { channels: features.shape[0], bits: 8 }];
    const outcome = tryFrame(bytes, features, settings, isRepaired || isSame(bytes, frame));
    outcomes[outcome.name] = (outcomes[outcome.name] ?? 0) + 1;
    if (outcome.fault !== null) faults.push(`${outcome.fault}: ${Buffer.from(bytes).toString("hex")}`);
  }
  return { outcomes, faults };
}

function tryFrame(bytes: Uint8Array, { shape }: QuantisedFeatures, settings: Setting[], mayPass: boolean) {
  try {
    const decoded = decodeFrame(bytes, { shape, settings });
    if (!decoded.ok) return { name: decoded.reason, fault: null };
    if (!mayPass) return { name: "accepted", fault: "a damaged frame was accepted" };
    const { features, setting } = decoded;
    const isWhole = isWellFormed(features, settings[setting]) && features.shape.every((side, at) => side === shape[at]);
    return { name: "accepted", fault: isWhole ? null : "malformed features" };
  } catch (error) {
    return { name: "thrown", fault: `it threw ${error}` };
  }
}

/** As large as its setting says, and nothing that the quantiser does not make. */
function isWellFormed({ shape, setting, ranges, codes }: QuantisedFeatures, expected: Setting): boolean {
  const [channels, height, width] = shape;
  const levels = quantiserLevels(expected.bits);
  return (
    setting.channels === expected.channels &&
    setting.bits === expected.bits &&
    setting.channels <= channels &&
    codes.byteLength === setting.channels * height * width &&
    ranges.byteLength === setting.channels * 8 &&
    codes.buffer.byteLength === codes.byteLength &&
    ranges.buffer.byteLength === ranges.byteLength &&
    codes.every((code) => code <= levels) &&
    ranges.every((value, at) => Math.abs(value) <= LARGEST_HALF && (at % 2 === 0 || ranges[at - 1] <= value))
  );
}

function drawAny(random: Random): QuantisedFeatures {
  const { shape, setting } = drawShape(random);
  return random() < 0.7 ? drawFeatures(shape, setting, random) : drawCodes(shape, setting, random);
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
