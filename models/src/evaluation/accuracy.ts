// How often each network of a model is right, on either half of the images.
import { argmax } from "@spillway/shared/calibration/softmax";
import { splitInHalves } from "../images/split.ts";
import type { ModelLogits } from "./run-models.ts";

export interface Accuracy {
  /** "exit 1" and so on, "large", "tail 16x4" and so on. */
  model: string;
  half: "calibration" | "report";
  /** Share of rows whose largest logit is the label's; of equals the first counts. */
  top1: number;
  n: number;
}

/** Every exit, the large model, then the tail at each setting; of each both halves. @throws RangeError below two rows */
export function measureAccuracy(logits: ModelLogits, labels: ArrayLike<number>): Accuracy[] {
  const { rows, classes, exits, large, tail } = logits;
  const halves = splitInHalves(rows);
  const members: [model: string, member: Float32Array][] = [
    ...exits.map((member, index): (typeof members)[number] => [`exit ${index + 1}`, member]),
    ["large", large],
    ...tail.map(({ setting, logits: member }): (typeof members)[number] => [`tail ${setting}`, member]),
  ];
  return members.flatMap(([model, member]) =>
    (["calibration", "report"] as const).map((half) => {
      const chosen = halves[half];
      const right = chosen.filter(
        (row) => argmax(member.subarray(row * classes, (row + 1) * classes)) === labels[row],
      ).length;
      return { model, half, top1: right / chosen.length, n: chosen.length };
    }),
  );
}

/** Standard deviation of a share p of n independent rows: sqrt(p (1 - p) / n). */
export function standardError({ top1, n }: Pick<Accuracy, "top1" | "n">): number {
  return Math.sqrt((top1 * (1 - top1)) / n);
}
