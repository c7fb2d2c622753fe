// Bounds how many tasks are under way at once; the others wait their turn.

export type Limiter = <Value>(task: () => Promise<Value>) => Promise<Value>;

export function limitConcurrency(max: number): Limiter {
  const waiting: (() => void)[] = [];
  let free = max;
  return async (task) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      // The place is handed on, not freed, so nobody can slip in between.
      if (next !== undefined) next();
      else free++;
    }
  };
}
