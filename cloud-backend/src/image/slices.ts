// Long work on the thread that answers HTTP, cut into slices between which it answers.
import { setImmediate } from "node:timers/promises";
import type { Steps } from "@spillway/shared/preprocess/steps";

/** Takes steps for `sliceMs` at a time, and lets everybody else have a turn in between. */
export async function runInSlices<Result>(steps: Steps<Result>, sliceMs: number): Promise<Result> {
  for (;;) {
    const endMs = performance.now() + sliceMs;
    do {
      const step = steps.next();
      if (step.done) return step.value;
    } while (performance.now() < endMs);
    await setImmediate();
  }
}
