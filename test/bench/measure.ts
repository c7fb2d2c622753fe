// Samples and what is said of them: medians with their quartiles, the machine beside them.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";

const ROOT = path.resolve(import.meta.dirname, "../..");

export interface Summary {
  median: number;
  /** First and third quartile. */
  p25: number;
  p75: number;
  n: number;
}

export function summarise(samples: readonly number[]): Summary {
  const sorted = [...samples].sort((a, b) => a - b);
  return { median: quantile(sorted, 0.5), p25: quantile(sorted, 0.25), p75: quantile(sorted, 0.75), n: sorted.length };
}

/** The value that one sample in a hundred exceeds. */
export function percentile99(samples: readonly number[]): number {
  return quantile(
    samples.toSorted((a, b) => a - b),
    0.99,
  );
}

/** Of samples in ascending order; linear between neighbours, as NumPy does by default. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (at - low) * (sorted[high] - sorted[low]);
}

/** `2.71 (2.65 to 2.80)` */
export function milliseconds({ median, p25, p75 }: Summary): string {
  return `${digits(median)} (${digits(p25)} to ${digits(p75)})`;
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function percent(share: number, places = 1): string {
  return `${(share * 100).toFixed(places)} %`;
}

/** Calls each contender in turn, `rounds` times over, so that they share whatever the machine does. */
export async function interleave(rounds: number, contenders: readonly (() => Promise<void>)[]): Promise<void> {
  for (let round = 0; round < rounds; round++) for (const contender of contenders) await contender();
}

/** Markdown table; the first column to the left, the others to the right. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = header.map((_, column) => (column === 0 ? "---" : "---:"));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}

/** What the numbers depend on. */
export function machine() {
  const version = (name: string) =>
    (JSON.parse(readFileSync(path.join(ROOT, "node_modules", name, "package.json"), "utf8")) as { version: string })
      .version;
  return {
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    node: process.versions.node,
    workerd: version("workerd"),
    onnxruntimeWeb: version("onnxruntime-web"),
    onnxruntimeNode: version("onnxruntime-node"),
  };
}
