// In which order images come: the sequence models of EMSOFT'22, and the order in which they were recorded.
import { UsageError } from "../usage.ts";

export const SEQUENCE_FORMS = "iid, location-reset:SPREAD,RESET or recorded";

export type Sequence =
  /** Every frame shows any image. */
  | { kind: "iid" }
  /**
   * Images lie in the order of their metrics. A location there is kept until a reset, which comes with this
   * probability a frame; each frame shows any of the share `spread` of the images that follow it, round the end.
   */
  | { kind: "location-reset"; spread: number; reset: number }
  /** As they came. */
  | { kind: "recorded" };

/** @throws UsageError for anything but the forms above */
export function parseSequence(text: string): Sequence {
  if (text === "iid" || text === "recorded") return { kind: text };
  const [kind, rest, ...more] = text.split(":");
  const numbers =
    more.length > 0 ? [] : (rest?.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part))) ?? []);
  const [spread, reset] = numbers;
  if (kind === "location-reset" && numbers.length === 2 && spread > 0 && spread <= 1 && reset >= 0 && reset <= 1) {
    return { kind, spread, reset };
  }
  const expected = `${SEQUENCE_FORMS}, SPREAD above 0 and at most 1, RESET from 0 to 1`;
  throw new UsageError(`--sequence: expected ${expected}; got "${text}"`);
}

/** As the command line names it. */
export function sequenceText(sequence: Sequence): string {
  return sequence.kind === "location-reset" ? `location-reset:${sequence.spread},${sequence.reset}` : sequence.kind;
}

/**
 * Fills `places` with drawn ones, each below `images`, an image's place in the order of the metrics.
 *
 * @param images at least 1
 */
export function drawPlaces(
  sequence: Exclude<Sequence, { kind: "recorded" }>,
  images: number,
  random: () => number,
  places: Uint32Array,
): void {
  if (sequence.kind === "iid") {
    for (let frame = 0; frame < places.length; frame++) places[frame] = Math.floor(random() * images);
    return;
  }
  const { spread, reset } = sequence;
  const width = Math.max(1, Math.round(spread * images));
  let location = Math.floor(random() * images);
  for (let frame = 0; frame < places.length; frame++) {
    if (random() < reset) location = Math.floor(random() * images);
    places[frame] = (location + Math.floor(random() * width)) % images;
  }
}
