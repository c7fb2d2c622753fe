// Whose turn it is in the edge network: one frame at a time, as two would only make each other late. Between two turns
// the isolate sees what has come in, so that a newer frame can take the place of one that waits.

/** Ends once: calls after the first do nothing. */
export interface Turn {
  /** The network has been run. */
  end(): void;
  /** It has not, for want of a frame or of a proper one: how long that took says nothing. */
  pass(): void;
}

export interface EdgeTurn {
  /** Milliseconds that a turn takes, by those of late; 0 before the first. */
  readonly expectedMs: number;
  /** Resolves when it is the caller's turn. */
  take(): Promise<Turn>;
}

/** Share of the expectation that each turn replaces. */
const TURN_WEIGHT = 0.2;

export function createEdgeTurn(now: () => number): EdgeTurn {
  let last = Promise.resolve();
  let expectedMs = 0;
  return {
    get expectedMs() {
      return expectedMs;
    },

    async take() {
      const before = last;
      const { promise, resolve } = Promise.withResolvers<void>();
      last = promise;
      await before;
      const startMs = now();
      let hasEnded = false;
      const over = (wasRun: boolean) => {
        if (hasEnded) return;
        hasEnded = true;
        setTimeout(() => {
          // Only now has the clock of a Worker in production moved.
          if (wasRun) expectedMs += TURN_WEIGHT * (now() - startMs - expectedMs);
          resolve();
        }, 0);
      };
      return { end: () => over(true), pass: () => over(false) };
    },
  };
}
