// A quarter of an hour at four fifths of what the backend can do: does it grow, does anything fail?
import { percentile99 } from "../measure.ts";
import { startBackend } from "./backend-process.ts";
import { openLoop } from "./open-loop.ts";
import { folderOf, type Subject } from "./subjects.ts";
import { BATCHED, closedLoop, inferAt } from "./throughput.ts";

const LOAD = 0.8;
const SECONDS = 900;
const SETTLE_SECONDS = 120;
/** Requests that may be in: those that come at random come together now and then. */
const QUEUE_LENGTH = 256;
const MEMORY_EVERY_SECONDS = 10;

export interface Soak {
  title: string;
  requestsASecond: number;
  requests: number;
  failed: number;
  p99: number;
  /** Resident memory in MB, every ten seconds. */
  memory: number[];
  /** Mean of the two minutes after the first two, and of the last two. */
  settled: number;
  last: number;
}

export async function measureSoak(subject: Subject): Promise<Soak> {
  const queue = { SPILLWAY_QUEUE_LENGTH: String(QUEUE_LENGTH) };
  const server = await startBackend({ SPILLWAY_MODEL: await folderOf(subject), ...BATCHED, ...queue });
  try {
    const capacity = (await closedLoop(server.url, 10)).requests.average;
    const memory: number[] = [];
    const sampling = setInterval(
      async () => memory.push(Math.round(await server.residentMegabytes())),
      MEMORY_EVERY_SECONDS * 1000,
    );
    const requestsASecond = LOAD * capacity;
    const { latencies, errors } = await openLoop({ ...inferAt(server.url), requestsASecond, seconds: SECONDS });
    clearInterval(sampling);
    const window = SETTLE_SECONDS / MEMORY_EVERY_SECONDS;
    const answered = latencies.get(200) ?? [];
    const all = [...latencies.values()].reduce((sum, { length }) => sum + length, errors);
    return {
      title: subject.title,
      requestsASecond: all / SECONDS,
      requests: all,
      failed: all - answered.length,
      p99: percentile99(answered),
      memory,
      settled: mean(memory.slice(window, 2 * window)),
      last: mean(memory.slice(-window)),
    };
  } finally {
    await server.stop();
  }
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
