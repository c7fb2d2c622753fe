// Bounds how many tasks are under way at once; the others wait their turn.

export type Limiter = <Value>(task: () => Promise<Value>, signal?: AbortSignal) => Promise<Value>;

/**
 * @returns a function that runs a task in its turn. A task whose signal fires while it waits has its
 *   turn at once: it is for the task to see that nobody wants it any more.
 */
export function limitConcurrency(max: number): Limiter {
  const waiting = new Set<() => void>();
  let free = max;
  return async (task, signal) => {
    const hasPlace = free > 0 ? take() : await turn(signal);
    try {
      return await task();
    } finally {
      if (hasPlace) handOn();
    }
  };

  function take(): true {
    free -= 1;
    return true;
  }

  /** @returns whether a place comes with it */
  function turn(signal: AbortSignal | undefined): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (hasPlace: boolean) => {
        waiting.delete(next);
        signal?.removeEventListener("abort", leave);
        resolve(hasPlace);
      };
      const next = () => settle(true);
      const leave = () => settle(false);
      waiting.add(next);
      signal?.addEventListener("abort", leave, { once: true });
      if (signal?.aborted) leave();
    });
  }

  /** The place is handed on, not freed, so nobody can slip in between. */
  function handOn(): void {
    const [next] = waiting;
    if (next === undefined) free += 1;
    else next();
  }
}
