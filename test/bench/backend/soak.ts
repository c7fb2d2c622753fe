// A quarter of an hour at four fifths of what the backend can do: does it grow, does anything fail?
import autocannon from "autocannon";
import { startBackend } from "./backend-process.ts";
import { folderOf, imageMessage, type Subject } from "./subjects.ts";
import { BATCHED, CLIENTS, closedLoop } from "./throughput.ts";

const LOAD = 0.8;
const SECONDS = 900;
const SETTLE_SECONDS = 120;
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
  const server = await startBackend({ SPILLWAY_MODEL: await folderOf(subject), ...BATCHED });
  try {
    const capacity = (await closedLoop(server.url, 10)).requests.average;
    const memory: number[] = [];
    const sampling = setInterval(
      async () => memory.push(Math.round(await server.residentMegabytes())),
      MEMORY_EVERY_SECONDS * 1000,
    );
    const load = await autocannon({
      url: `${server.url}/v2/models/large/infer`,
      method: "POST",
      connections: CLIENTS,
      overallRate: Math.round(LOAD * capacity),
      duration: SECONDS,
      ignoreCoordinatedOmission: true,
      ...imageMessage(),
    });
    clearInterval(sampling);
    const window = SETTLE_SECONDS / MEMORY_EVERY_SECONDS;
    return {
      title: subject.title,
      requestsASecond: load.requests.average,
      requests: load.requests.total,
      failed: load.non2xx + load.errors,
      p99: load.latency.p99,
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
