// Three times as many requests as the backend can answer, whether it answers or not: what those get
// that are accepted, how soon the others hear that they are not, and what is left of it afterwards.
import autocannon, { type Result } from "autocannon";
import { startBackend } from "./backend-process.ts";
import { folderOf, imageMessage, type Subject } from "./subjects.ts";
import { BATCHED, closedLoop } from "./throughput.ts";

const OVERLOAD = 3;
const SECONDS = 60;
const PROBE_SECONDS = 8;
/** Enough that one is free for every new request: accepted ones wait, refused ones do not. */
const CONNECTIONS = 256;
const MEMORY_EVERY_MS = 1000;

export interface Overload {
  title: string;
  capacity: number;
  offered: number;
  accepted: number;
  refused: number;
  failed: number;
  /** Milliseconds: accepted at capacity, accepted under overload, refused under overload. */
  p99: { before: number; accepted: number; refused: number };
  throughput: { before: number; during: number; after: number };
  residentMegabytes: { afterTenSeconds: number; atTheEnd: number };
}

export async function measureOverload(subject: Subject): Promise<Overload> {
  const server = await startBackend({ SPILLWAY_MODEL: await folderOf(subject), ...BATCHED });
  try {
    await closedLoop(server.url, 3);
    const before = await closedLoop(server.url, PROBE_SECONDS);
    const capacity = before.requests.average;
    const memory: number[] = [];
    const sampling = setInterval(async () => memory.push(await server.residentMegabytes()), MEMORY_EVERY_MS);
    const flood = await openLoop(server.url, Math.round(OVERLOAD * capacity));
    clearInterval(sampling);
    const after = await closedLoop(server.url, PROBE_SECONDS);
    return {
      title: subject.title,
      capacity,
      offered: Math.round(OVERLOAD * capacity),
      accepted: flood.accepted.length,
      refused: flood.refused.length,
      failed: flood.failed,
      p99: {
        before: before.latency.p99,
        accepted: quantile(flood.accepted, 0.99),
        refused: quantile(flood.refused, 0.99),
      },
      throughput: {
        before: capacity,
        during: flood.accepted.length / SECONDS,
        after: after.requests.average,
      },
      residentMegabytes: { afterTenSeconds: memory[9], atTheEnd: memory[memory.length - 1] },
    };
  } finally {
    await server.stop();
  }
}

/** So many requests a second, by the clock. */
async function openLoop(url: string, requestsASecond: number) {
  const [accepted, refused]: number[][] = [[], []];
  let failed = 0;
  const { promise, resolve, reject } = Promise.withResolvers<Result>();
  const options = {
    url: `${url}/v2/models/large/infer`,
    method: "POST" as const,
    connections: CONNECTIONS,
    overallRate: requestsASecond,
    duration: SECONDS,
    // Its own correction would add the time that a request waits for a connection of the client.
    ignoreCoordinatedOmission: true,
    ...imageMessage(),
  };
  const load = autocannon(options, (error, result) => (error ? reject(error) : resolve(result)));
  load.on("response", (_client, status, _bytes, milliseconds) => {
    if (status === 200) accepted.push(milliseconds);
    else if (status === 503) refused.push(milliseconds);
    else failed++;
  });
  failed += (await promise).errors;
  return { accepted, refused, failed };
}

function quantile(samples: number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
