// (c) A whole request by where it leaves, (d) the first request of a fresh isolate, and (e) how many
// requests a second get through: all over HTTP against the stack that `npm start` runs.

import type { Config } from "@spillway/shared/schema/config";
import { type Decision, resultSchema } from "@spillway/shared/schema/result";
import autocannon from "autocannon";
import { type Stack, startStack } from "../e2e/stack.ts";
import { markdownTable, milliseconds, type Summary, summarise } from "./measure.ts";
import { jpegPicture } from "./pictures.ts";
import { configOf, putConfig } from "./stack-config.ts";

const ROUNDS = 6;
const REQUESTS_A_ROUND = 50;
const COLD_STARTS = 5;
const CLIENTS = [1, 8, 32];
const SECONDS_A_LOAD = 4;
const LOAD_ROUNDS = 3;

interface Place {
  /** Makes every request leave there. */
  change(config: Config): void;
  /** Whether one did. */
  isLeft(decision: Decision): boolean;
}

const LEAVING: Record<string, Place> = {
  "exit 1": {
    change(config) {
      config.edge.exits[0].threshold = 0;
    },
    isLeft: ({ exit }) => exit === 1,
  },
  "last exit": {
    change(config) {
      for (const exit of config.edge.exits) exit.threshold = 2;
      config.edge.exits[config.edge.exits.length - 1].threshold = 0;
    },
    isLeft: ({ exit }) => exit !== null && exit > 1,
  },
  offloaded: {
    change(config) {
      for (const exit of config.edge.exits) exit.threshold = 2;
      config.offload.threshold = -1;
      config.offload.bucket = { rate: 100_000, depth: 100_000 };
      config.offload.timeoutMs = 10_000;
    },
    isLeft: ({ tier }) => tier === "cloud",
  },
};

export async function benchRequests() {
  const image = await jpegPicture(640, 480);
  const stack = await startStack();
  try {
    const leaving = await timeLeaving(stack, image);
    const load = await measureLoad(stack, image);
    const cold = await timeColdStarts(image);
    return {
      results: { leaving, cold, load },
      tables: { requests: leavingTable(leaving, cold), throughput: loadTable(load) },
    };
  } finally {
    await stack.stop();
  }
}

async function timeLeaving(stack: Stack, image: Uint8Array<ArrayBuffer>): Promise<Record<string, Summary>> {
  const samples = new Map<string, number[]>();
  async function sample(name: string, request: () => Promise<Response>): Promise<void> {
    for (let k = 0; k < REQUESTS_A_ROUND; k++) {
      samples.set(name, [...(samples.get(name) ?? []), await timed(request)]);
    }
  }
  for (let round = -1; round < ROUNDS; round++) {
    // The first round only warms up.
    if (round === 0) samples.clear();
    await sample("empty Hono route", () => fetch(`${stack.edgeUrl}/healthz`));
    for (const [name, place] of Object.entries(LEAVING)) {
      await putConfig(stack, await configOf(stack, place.change));
      const { decision } = resultSchema.parse(await (await classify(stack.edgeUrl, image)).json());
      if (!place.isLeft(decision)) throw new Error(`${name}: the request left elsewhere: ${JSON.stringify(decision)}`);
      await sample(name, () => classify(stack.edgeUrl, image));
    }
  }
  return Object.fromEntries([...samples].map(([name, values]) => [name, summarise(values)]));
}

/** Each in a workerd of its own: the runtime, the sessions and the decoder are all made by the request. */
async function timeColdStarts(image: Uint8Array<ArrayBuffer>) {
  const first: number[] = [];
  const second: number[] = [];
  for (let k = 0; k < COLD_STARTS; k++) {
    const stack = await startStack("--cold");
    try {
      first.push(await timed(() => classify(stack.edgeUrl, image)));
      second.push(await timed(() => classify(stack.edgeUrl, image)));
    } finally {
      await stack.stop();
    }
  }
  return { first: summarise(first), second: summarise(second) };
}

async function measureLoad(stack: Stack, image: Uint8Array<ArrayBuffer>) {
  await putConfig(
    stack,
    await configOf(stack, (config) => {
      LEAVING["last exit"].change(config);
      config.limits.requestsPerMinute = 10_000_000;
    }),
  );
  const loads = [];
  for (const clients of CLIENTS) {
    const classified: number[] = [];
    const empty: number[] = [];
    let failed = 0;
    for (let round = 0; round < LOAD_ROUNDS; round++) {
      const load = { connections: clients, duration: SECONDS_A_LOAD };
      const headers = { "content-type": "image/jpeg" };
      const url = `${stack.edgeUrl}/v1/classify`;
      const busy = await autocannon({ ...load, url, method: "POST", headers, body: Buffer.from(image) });
      const idle = await autocannon({ ...load, url: `${stack.edgeUrl}/healthz` });
      classified.push(busy.requests.average);
      empty.push(idle.requests.average);
      failed += busy.non2xx + busy.errors + idle.non2xx + idle.errors;
    }
    loads.push({ clients, classified: summarise(classified), empty: summarise(empty), failed });
  }
  return loads;
}

async function classify(edgeUrl: string, image: Uint8Array<ArrayBuffer>): Promise<Response> {
  const headers = { "content-type": "image/jpeg" };
  const response = await fetch(`${edgeUrl}/v1/classify`, { method: "POST", headers, body: image });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  return response;
}

async function timed(request: () => Promise<Response>): Promise<number> {
  const startMs = performance.now();
  await (await request()).arrayBuffer();
  return performance.now() - startMs;
}

function leavingTable(leaving: Record<string, Summary>, cold: { first: Summary; second: Summary }): string {
  const base = leaving["empty Hono route"].median;
  const row = (name: string, summary: Summary) => [
    name,
    milliseconds(summary),
    `${(summary.median / base).toFixed(1)} x`,
  ];
  return markdownTable(
    ["request", "ms", "against the empty route"],
    [
      ...Object.entries(leaving).map(([place, summary]) => row(place, summary)),
      row("first of a fresh isolate", cold.first),
      row("second of that isolate", cold.second),
    ],
  );
}

function loadTable(load: Awaited<ReturnType<typeof measureLoad>>): string {
  return markdownTable(
    ["clients", "classified a second", "empty route a second", "ratio", "failed"],
    load.map(({ clients, classified, empty, failed }) => [
      String(clients),
      milliseconds(classified),
      milliseconds(empty),
      (classified.median / empty.median).toFixed(3),
      String(failed),
    ]),
  );
}
