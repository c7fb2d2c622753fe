// Systems for the tests of thresholds: made from one line for each image, and arbitrary ones full of ties.
import type { SystemCosts, SystemOutcomes } from "@spillway/shared/offload/system-outcomes";
import fc from "fast-check";

/** What a system did with one image. */
export interface Image {
  exits: readonly { confidence: number; correct: number }[];
  metric: number;
  voteCorrect: number;
  cloudCorrect: number;
}

export function systemOf(images: readonly Image[], exits = images[0]?.exits.length ?? 1): SystemOutcomes {
  return {
    rows: images.length,
    exits: Array.from({ length: exits }, (_, exit) => ({
      confidence: Float64Array.from(images, (image) => image.exits[exit].confidence),
      correct: Uint8Array.from(images, (image) => image.exits[exit].correct),
    })),
    vote: {
      metric: Float64Array.from(images, ({ metric }) => metric),
      correct: Uint8Array.from(images, ({ voteCorrect }) => voteCorrect),
    },
    cloud: { correct: Uint8Array.from(images, ({ cloudCorrect }) => cloudCorrect) },
  };
}

/** The number next above one of [0.5, 1), and those next to 1 and 0: between them and their neighbour lies none. */
const NEXT = 2 ** -53;
const bit = fc.constantFrom(0, 1);
const confidence = fc.constantFrom(0, 2 ** -1074, 0.25, 0.5, 0.75, 0.75 + NEXT, 0.75 + 2 * NEXT, 1 - NEXT, 1);
const metric = fc.constantFrom(-1, -0.5, 0, 0.25, 0.625, 0.625 + NEXT, 0.625 + 2 * NEXT, 1 - NEXT, 1);

export function anyImages(exits: number, maxRows: number): fc.Arbitrary<Image[]> {
  const image = fc.record({
    exits: fc.array(fc.record({ confidence, correct: bit }), { minLength: exits, maxLength: exits }),
    metric,
    voteCorrect: bit,
    cloudCorrect: bit,
  });
  return fc.array(image, { minLength: 1, maxLength: maxRows });
}

export function anySystem(exits: number, maxRows: number): fc.Arbitrary<SystemOutcomes> {
  return anyImages(exits, maxRows).map((images) => systemOf(images));
}

export function anyCosts(exits: number): fc.Arbitrary<SystemCosts> {
  return fc.record({
    stageMs: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: exits, maxLength: exits }),
    cloudMs: fc.integer({ min: 0, max: 100 }),
  });
}
