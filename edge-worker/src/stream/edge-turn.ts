// Whose turn it is in the edge network: one frame at a time, as two would only make each other late. Between two turns
// the isolate sees what has come in, so that a newer frame can take the place of one that waits.

export interface EdgeTurn {
  /** Resolves when it is the caller's turn, to what ends it; calls after the first do nothing. */
  take(): Promise<() => void>;
}

export function createEdgeTurn(): EdgeTurn {
  let last = Promise.resolve();
  return {
    take() {
      const before = last;
      let end = () => {};
      last = new Promise((resolve) => {
        end = () => void setTimeout(resolve, 0);
      });
      return before.then(() => end);
    },
  };
}
