// How often each network of a model is right, on either half of the images.
import { argmax } from "@spillway/shared/calibration/softmax";
import { splitInHalves } from "../images/split.ts";
import type { ModelLogits } from "./run-models.ts";

export interface Accuracy {
  /** "exit 1" and so on, "large". */
  model: string;
  half: "calibration" | "report";
  /** Share of rows whose largest logit is the label's; of equals the first counts. */
  top1: number;
  n: number;
}

/** Every exit, then the large model; of each both halves. @throws RangeError below two rows */
export function measureAccuracy(logits: ModelLogits, labels: ArrayLike<number>): Accuracy[] {
  const { rows, classes, exits, large } = logits;
  const halves = splitInHalves(rows);
  return [...exits, large].flatMap((member, index) =>
    (["calibration", "report"] as const).map((half) => {
      const chosen = halves[half];
      const right = chosen.filter(
        (row) => argmax(member.subarray(row * classes, (row + 1) * classes)) === labels[row],
      ).length;
      const model = index < exits.length ? `exit ${index + 1}` : "large";
      return { model, half, top1: right / chosen.length, n: chosen.length };
    }),
  );
}

/** Standard deviation of a share p of n independent rows: sqrt(p (1 - p) / n). */
export function standardError({ top1, n }: Pick<Accuracy, "top1" | "n">): number {
  return Math.sqrt((top1 * (1 - top1)) / n);
}
