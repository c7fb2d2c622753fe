// Three times as many requests as the backend can answer, whether it answers or not: what those get
// that are accepted, how soon the others hear that they are not, and what is left of it afterwards.
import { percentile99 } from "../measure.ts";
import { startBackend } from "./backend-process.ts";
import { openLoop } from "./open-loop.ts";
import { folderOf, type Subject } from "./subjects.ts";
import { BATCHED, closedLoop, inferAt } from "./throughput.ts";

const OVERLOAD = 3;
const SECONDS = 60;
const PROBE_SECONDS = 8;
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
    const { accepted, refused, failed } = await flood(server.url, OVERLOAD * capacity);
    clearInterval(sampling);
    const after = await closedLoop(server.url, PROBE_SECONDS);
    return {
      title: subject.title,
      capacity,
      offered: Math.round(OVERLOAD * capacity),
      accepted: accepted.length,
      refused: refused.length,
      failed,
      p99: {
        before: before.latency.p99,
        accepted: percentile99(accepted),
        refused: percentile99(refused),
      },
      throughput: {
        before: capacity,
        during: accepted.length / SECONDS,
        after: after.requests.average,
      },
      residentMegabytes: { afterTenSeconds: memory[9], atTheEnd: memory[memory.length - 1] },
    };
  } finally {
    await server.stop();
  }
}

/** So many requests a second to the model, and how long each answer took, by whether it was accepted. */
async function flood(url: string, requestsASecond: number) {
  const { latencies, errors } = await openLoop({ ...inferAt(url), requestsASecond, seconds: SECONDS });
  const [accepted, refused] = [200, 503].map((status) => latencies.get(status) ?? []);
  const all = [...latencies.values()].reduce((sum, { length }) => sum + length, 0);
  return { accepted, refused, failed: errors + all - accepted.length - refused.length };
}
