// Long work on the thread that answers HTTP, cut into steps. However many such works there are, they
// share one slice of time in each turn of the event loop: all the rest of it is for answering.
import type { Steps } from "@spillway/shared/preprocess/steps";

export type RunInSlices = <Result>(steps: Steps<Result>) => Promise<Result>;

interface Work {
  /** Takes the next step. @returns whether there is nothing left to do */
  advance(): boolean;
}

/** @param sliceMs for which they may hold the thread between two turns; the last step may exceed it */
export function shareThread(sliceMs: number): RunInSlices {
  const waiting: Work[] = [];
  return (steps) =>
    new Promise((resolve, reject) => {
      waiting.push({ advance: () => advance(steps, resolve, reject) });
      if (waiting.length === 1) setImmediate(runSlice);
    });

  /** One step of each in its turn, so that a short work does not wait for a long one. */
  function runSlice(): void {
    const endMs = performance.now() + sliceMs;
    do {
      const work = waiting.shift();
      if (work === undefined) return;
      if (!work.advance()) waiting.push(work);
    } while (performance.now() < endMs);
    if (waiting.length > 0) setImmediate(runSlice);
  }
}

function advance<Result>(
  steps: Steps<Result>,
  resolve: (result: Result) => void,
  reject: (error: unknown) => void,
): boolean {
  try {
    const step = steps.next();
    if (step.done) resolve(step.value);
    return step.done === true;
  } catch (error) {
    reject(error);
    return true;
  }
}
