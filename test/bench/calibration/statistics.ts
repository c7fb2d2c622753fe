// Means and their standard errors.

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < values.length; index++) sum += values[index];
  return sum / values.length;
}

/** Root of the mean squared distance from the mean. */
export function deviation(values: ArrayLike<number>): number {
  const centre = mean(values);
  return Math.sqrt(mean(Array.from(values, (value) => (value - centre) ** 2)));
}

/** Standard error of a share of `trials` independent ones. */
export function shareError(share: number, trials: number): number {
  return Math.sqrt((share * (1 - share)) / trials);
}

/** How often each row is drawn when as many are drawn as there are, with replacement: one sample of the bootstrap. */
export function resample(rows: number, random: () => number): Uint16Array {
  const counts = new Uint16Array(rows);
  for (let draw = 0; draw < rows; draw++) counts[Math.floor(random() * rows)]++;
  return counts;
}

/** `+0.70 ± 0.31`, in points of a hundred. */
export function points(value: number, error: number): string {
  const rounded = Math.round(10_000 * value) / 100;
  const sign = rounded > 0 ? "+" : "";
  // Adding 0 turns a negative zero into zero.
  return `${sign}${(rounded + 0).toFixed(2)} ± ${(100 * error).toFixed(2)}`;
}
