// Damaged frames are refused, never a crash, never a wrong shape, and what is allocated is what the receiver's own map
// takes: sizes come out of a frame only after they were found equal to the expected ones. SPILLWAY_FUZZ_FRAMES=1000000
// runs the million.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { describe, expect, it } from "vitest";
import { fuzzFrames } from "./damaged-frames.ts";

const SEEDS = [1, 2, 3, 4, 5];
const FRAMES = Number(process.env.SPILLWAY_FUZZ_FRAMES ?? 50_000) / SEEDS.length;

describe("decodeFrame, fuzzed", () => {
  it.each(SEEDS)(
    `refuses or rightly reads ${FRAMES} damaged frames, seed %i`,
    (seed) => {
      const { outcomes, faults } = fuzzFrames(FRAMES, mulberry32(seed));
      expect(faults).toEqual([]);
      // Every check was reached, those behind the checksum too.
      const reasons = ["not-a-frame", "version", "truncated", "trailing-bytes", "checksum", "shape", "setting"];
      expect(Object.keys(outcomes).sort()).toEqual([...reasons, "coder", "ranges", "codes", "accepted"].sort());
    },
    20_000 + FRAMES,
  );
});
