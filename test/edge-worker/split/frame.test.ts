import { decodeFrame, encodeFrame } from "@spillway/shared/split/frame";
import { describe, expect, test } from "vitest";
import { GOLDEN_FRAMES, GOLDEN_SHAPE, goldenFeatures } from "../../shared/split/golden-frames.ts";

describe("workerd writes and reads the very frames that Node does", () => {
  test.each(GOLDEN_FRAMES)("at $bits bits", ({ bits, frame }) => {
    const bytes = encodeFrame(goldenFeatures(bits));
    expect(Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")).toBe(frame);
    const decoded = decodeFrame(bytes, { shape: GOLDEN_SHAPE, settings: [{ channels: 3, bits }] });
    expect(decoded).toEqual({ ok: true, setting: 0, features: goldenFeatures(bits) });
  });
});
