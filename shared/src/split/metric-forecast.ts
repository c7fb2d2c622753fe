// What metrics the frames to come will have: those of the latest ones, summed up in a few equally likely values.
// Frames of one camera are alike for a while, and nothing else is known of them.

/** Metrics in the order in which they came, the oldest first. */
export type RecentMetrics = readonly number[];

export const REMEMBERED_METRICS = 32;

export function rememberMetric(recent: RecentMetrics, metric: number): number[] {
  return [...recent.slice(1 - REMEMBERED_METRICS), metric];
}

/** The means of `values` equal parts of the metrics in order, the smallest first; empty where nothing is known. */
export function forecastMetrics(recent: RecentMetrics, values: number): number[] {
  if (recent.length === 0) return [];
  const sorted = recent.toSorted((a, b) => a - b);
  const parts = Math.min(values, sorted.length);
  return Array.from({ length: parts }, (_, part) => {
    const from = Math.floor((part * sorted.length) / parts);
    const to = Math.floor(((part + 1) * sorted.length) / parts);
    return sorted.slice(from, to).reduce((sum, metric) => sum + metric, 0) / (to - from);
  });
}
