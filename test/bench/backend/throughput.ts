// How many images a second 64 clients get through: with batching, without it, and what the session
// alone could do. In turn, so that they share whatever the machine does.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import autocannon from "autocannon";
import { interleave, type Summary, summarise } from "../measure.ts";
import { startBackend } from "./backend-process.ts";
import { folderOf, imageMessage, type Subject } from "./subjects.ts";

export const CLIENTS = 64;
export const MAX_BATCH = 32;
export const DELAY_MS = 2;
const ROUNDS = 5;
const SECONDS = 4;

export interface Throughput {
  title: string;
  batched: Summary;
  single: Summary;
  bare: Summary;
  /** Milliseconds of one full batch in the bare loop. */
  batchMs: Summary;
  /** Milliseconds, of the batched server. */
  p99: Summary;
  failed: number;
}

const THREADS = { SPILLWAY_INFERENCE_THREADS: "1" };
export const BATCHED = {
  ...THREADS,
  SPILLWAY_MAX_BATCH: String(MAX_BATCH),
  SPILLWAY_BATCH_DELAY_MS: String(DELAY_MS),
};
const SINGLE = { ...THREADS, SPILLWAY_MAX_BATCH: "1", SPILLWAY_BATCH_DELAY_MS: "0" };

export async function measureThroughput(subject: Subject): Promise<Throughput> {
  const folder = { SPILLWAY_MODEL: await folderOf(subject) };
  const [batchedServer, singleServer] = [
    await startBackend({ ...folder, ...BATCHED }),
    await startBackend({ ...folder, ...SINGLE }),
  ];
  const samples = { batched: [] as number[], single: [] as number[], bare: [] as number[], batchMs: [] as number[] };
  const p99: number[] = [];
  let failed = 0;
  const ask = async (url: string, into: number[]) => {
    const load = await closedLoop(url, SECONDS);
    into.push(load.requests.average);
    failed += load.non2xx + load.errors;
    return load;
  };
  try {
    await closedLoop(batchedServer.url, 2);
    await closedLoop(singleServer.url, 2);
    await interleave(ROUNDS, [
      async () => {
        p99.push((await ask(batchedServer.url, samples.batched)).latency.p99);
      },
      async () => {
        await ask(singleServer.url, samples.single);
      },
      async () => {
        const bare = await bareLoop(subject.graph);
        samples.bare.push(bare.imagesASecond);
        samples.batchMs.push(bare.batchMs);
      },
    ]);
  } finally {
    await batchedServer.stop();
    await singleServer.stop();
  }
  return {
    title: subject.title,
    batched: summarise(samples.batched),
    single: summarise(samples.single),
    bare: summarise(samples.bare),
    batchMs: summarise(samples.batchMs),
    p99: summarise(p99),
    failed,
  };
}

/** Each client sends its next image when it has the answer to the last. */
export function closedLoop(url: string, seconds: number) {
  return autocannon({ ...inferAt(url), method: "POST", connections: CLIENTS, duration: seconds });
}

/** A request for one image's logits. */
export function inferAt(url: string) {
  return { url: `${url}/v2/models/large/infer`, ...imageMessage() };
}

async function bareLoop(graph: string): Promise<{ imagesASecond: number; batchMs: number }> {
  const script = path.join(import.meta.dirname, "bare-loop.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [script, graph, String(MAX_BATCH), String(SECONDS)]);
  return JSON.parse(stdout);
}
