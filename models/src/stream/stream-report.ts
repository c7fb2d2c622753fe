// What became of a stream's frames: counted as the answers come, told in a line while it runs and in a table after.
import type { FrameAnswer } from "@spillway/shared/schema/stream";
import { percent, textTable } from "../text-table.ts";
import { createLatencyHistogram } from "./latency-histogram.ts";

export interface StreamTally {
  add(answer: FrameAnswer, latencyMs: number): void;
  counts(): StreamCounts;
}

export interface StreamCounts {
  /** Frames that the Worker has answered, dropped ones and problems included. */
  told: number;
  answered: number;
  byTier: { edge: number; cloud: number };
  /** Answers by what decided them. */
  reasons: Record<string, number>;
  /** Frames sent on to the cloud, by route and setting. */
  offloaded: Record<string, number>;
  dropped: Record<string, number>;
  problems: Record<string, number>;
  /** Frames that were dropped or answered later than the deadline; null without one. */
  late: number | null;
  /** From sending to the answer; dropped frames have none. */
  latencyMs: { p50: number | null; p90: number | null; p99: number | null };
  bytesToCloud: number;
}

/** @param deadlineMs of every frame; null for none */
export function createStreamTally(deadlineMs: number | null): StreamTally {
  const latencies = createLatencyHistogram();
  const counts = {
    told: 0,
    answered: 0,
    byTier: { edge: 0, cloud: 0 },
    reasons: {} as Record<string, number>,
    offloaded: {} as Record<string, number>,
    dropped: {} as Record<string, number>,
    problems: {} as Record<string, number>,
    late: deadlineMs === null ? null : 0,
    bytesToCloud: 0,
  };

  function addAnswer({ result }: Extract<FrameAnswer, { type: "answer" }>, latencyMs: number): void {
    const { tier, reason, route, setting, bytesSent } = result.decision;
    counts.answered++;
    counts.byTier[tier]++;
    countUp(counts.reasons, reason);
    if (route !== null) countUp(counts.offloaded, setting === null ? route : `${route} ${setting}`);
    counts.bytesToCloud += bytesSent ?? 0;
    latencies.add(latencyMs);
  }

  return {
    add(answer, latencyMs) {
      counts.told++;
      if (answer.type === "answer") addAnswer(answer, latencyMs);
      else if (answer.type === "dropped") countUp(counts.dropped, answer.reason);
      else countUp(counts.problems, answer.problem.reason);
      const isLate = answer.type === "dropped" || latencyMs > (deadlineMs ?? Infinity);
      if (counts.late !== null && isLate) counts.late++;
    },
    counts: () => ({
      ...structuredClone(counts),
      latencyMs: {
        p50: latencies.percentile(0.5),
        p90: latencies.percentile(0.9),
        p99: latencies.percentile(0.99),
      },
    }),
  };
}

export interface StreamSummary extends StreamCounts {
  seconds: number;
  /** Frames that the camera took. */
  taken: number;
  sent: number;
  skipped: number;
  reconnects: number;
  resent: number;
}

/** One line of how it goes. */
export function progressText(summary: StreamSummary): string {
  const { seconds, sent, answered, late, told, latencyMs, bytesToCloud, offloaded } = summary;
  const routes = Object.entries(offloaded).map(([route, count]) => `${route} ${count}`);
  const parts = [
    `${seconds.toFixed(1)} s`,
    `sent ${sent}`,
    `answered ${answered} (${rate(answered, seconds)}/s)`,
    `dropped ${sum(summary.dropped)}`,
    ...(summary.skipped > 0 ? [`skipped ${summary.skipped}`] : []),
    ...(sum(summary.problems) > 0 ? [`problems ${sum(summary.problems)}`] : []),
    `cloud ${percent(share(summary.byTier.cloud, answered))}${routes.length > 0 ? ` (${routes.join(", ")})` : ""}`,
    ...(late === null ? [] : [`late ${percent(share(late, told))}`]),
    `p50 ${milliseconds(latencyMs.p50)} p99 ${milliseconds(latencyMs.p99)} ms`,
    `${bytesText(bytesToCloud)} to the cloud`,
  ];
  return parts.join(", ");
}

export function summaryTable(summary: StreamSummary): string {
  const { taken, sent, answered, told, seconds, late, latencyMs } = summary;
  const rows: string[][] = [
    ["frames taken", String(taken), `in ${seconds.toFixed(1)} s`],
    ["sent", String(sent), `${rate(sent, seconds)} a second`],
    ...(summary.skipped > 0
      ? [["skipped, newer came first", String(summary.skipped), of(summary.skipped, taken)]]
      : []),
    ["answered", String(answered), of(answered, sent)],
    ...counted("dropped", summary.dropped, sent),
    ...counted("problem", summary.problems, sent),
    ["by the edge", String(summary.byTier.edge), of(summary.byTier.edge, answered)],
    ["by the cloud", String(summary.byTier.cloud), of(summary.byTier.cloud, answered)],
    ...counted("sent to the cloud", summary.offloaded, answered),
    ...counted("reason", summary.reasons, answered),
    ...(late === null ? [] : [["later than the deadline, or dropped", String(late), of(late, told)]]),
    ["latency, p50 / p90 / p99", [latencyMs.p50, latencyMs.p90, latencyMs.p99].map(milliseconds).join(" / "), "ms"],
    ["bytes to the cloud", String(summary.bytesToCloud), `${rate(summary.bytesToCloud, Math.max(1, sent))} a frame`],
    ...(summary.reconnects > 0
      ? [["reconnects", String(summary.reconnects), `${summary.resent} frames sent again`]]
      : []),
  ];
  return textTable(["", "", ""], rows).trimStart();
}

function counted(title: string, counts: Record<string, number>, total: number): string[][] {
  return Object.entries(counts).map(([name, count]) => [`${title}: ${name}`, String(count), of(count, total)]);
}

function countUp(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

function of(part: number, whole: number): string {
  return percent(share(part, whole));
}

function rate(count: number, seconds: number): string {
  return seconds === 0 ? "-" : (count / seconds).toFixed(1);
}

function milliseconds(ms: number | null): string {
  return ms === null ? "-" : ms.toFixed(ms < 10 ? 1 : 0);
}

function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1_000_000 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
