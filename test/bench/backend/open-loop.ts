// Requests by the clock, whether the server answers or not: at random, as independent clients send
// them (a Poisson process). autocannon's rates come as one burst a second.
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { mulberry32 } from "@spillway/shared/random/mulberry32";

export interface OpenLoopOptions {
  url: string;
  headers: Record<string, string>;
  body: Buffer;
  requestsASecond: number;
  seconds: number;
}

export interface OpenLoopResult {
  /** Milliseconds from sending to the whole answer, by status. */
  latencies: Map<number, number[]>;
  /** Requests that got no answer. */
  errors: number;
}

/** Time between two looks at the clock; what is due meanwhile goes out together. */
const TICK_MS = 1;

export async function openLoop(options: OpenLoopOptions): Promise<OpenLoopResult> {
  const agent = new Agent({ keepAlive: true });
  const random = mulberry32(1);
  const result: OpenLoopResult = { latencies: new Map(), errors: 0 };
  const pending = new Set<Promise<void>>();
  const startMs = performance.now();
  let dueMs = startMs;
  while (dueMs < startMs + options.seconds * 1000) {
    while (dueMs <= performance.now()) {
      const answered = send(options, agent, result).finally(() => pending.delete(answered));
      pending.add(answered);
      dueMs += (-Math.log(1 - random()) * 1000) / options.requestsASecond;
    }
    await delay(TICK_MS);
  }
  await Promise.all(pending);
  agent.destroy();
  return result;
}

function send({ url, headers, body }: OpenLoopOptions, agent: Agent, result: OpenLoopResult): Promise<void> {
  const sentMs = performance.now();
  return new Promise((resolve) => {
    const sending = request(url, { method: "POST", agent, headers: { ...headers, "content-length": body.byteLength } });
    sending.on("response", (response) => {
      response.resume().on("end", () => {
        const status = response.statusCode ?? 0;
        const latencies = result.latencies.get(status) ?? [];
        result.latencies.set(status, latencies);
        latencies.push(performance.now() - sentMs);
        resolve();
      });
    });
    sending.on("error", () => {
      result.errors += 1;
      resolve();
    });
    sending.end(body);
  });
}
