// Latencies of a stream that may go on for ever: counts in classes a hundredth apart, so that a percentile is right to
// half a percent whatever their number.

const STEP = Math.log(1.01);
/** Milliseconds that nothing is shorter or longer than, as far as it matters. */
const SHORTEST_MS = 0.1;
const LONGEST_MS = 600_000;

export interface LatencyHistogram {
  readonly count: number;
  add(ms: number): void;
  /** The latency that so large a share stays within, by the nearest rank; null before the first. */
  percentile(share: number): number | null;
}

export function createLatencyHistogram(): LatencyHistogram {
  const classes = new Uint32Array(classOf(LONGEST_MS) + 1);
  let count = 0;
  return {
    get count() {
      return count;
    },
    add(ms) {
      classes[classOf(ms)]++;
      count++;
    },
    percentile(share) {
      let left = Math.max(1, Math.ceil(share * count));
      for (const [index, inClass] of classes.entries()) {
        left -= inClass;
        if (left <= 0) return SHORTEST_MS * Math.exp((index + 0.5) * STEP);
      }
      return null;
    },
  };
}

function classOf(ms: number): number {
  const within = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms));
  return Math.floor(Math.log(within / SHORTEST_MS) / STEP);
}
