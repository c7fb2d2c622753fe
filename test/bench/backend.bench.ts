// The GPU backend, here on the CPU: what batching gives and costs, what becomes of it when it is
// asked for three times what it can do, and (by itself, as it takes a quarter of an hour) whether it grows.
import { measureOverload, type Overload } from "./backend/overload.ts";
import { measureSoak, type Soak } from "./backend/soak.ts";
import { SUBJECTS } from "./backend/subjects.ts";
import { CLIENTS, DELAY_MS, MAX_BATCH, measureThroughput, type Throughput } from "./backend/throughput.ts";
import { markdownTable, milliseconds } from "./measure.ts";

export async function benchBackend() {
  const throughput: Throughput[] = [];
  for (const subject of SUBJECTS) throughput.push(await measureThroughput(subject));
  const overload = await measureOverload(SUBJECTS[0]);
  return {
    results: { clients: CLIENTS, maxBatch: MAX_BATCH, delayMs: DELAY_MS, throughput, overload },
    tables: { batching: batchingTable(throughput), overload: overloadTable(overload) },
  };
}

export async function benchSoak() {
  const soak = await measureSoak(SUBJECTS[0]);
  return { results: soak, tables: { soak: soakText(soak) } };
}

function batchingTable(rows: readonly Throughput[]): string {
  return markdownTable(
    [
      "model",
      "batched, images a second",
      "one by one",
      "ratio",
      "session alone, full batches",
      "ratio",
      "p99, ms",
      "two delays and two batches, ms",
      "failed",
    ],
    rows.map(({ title, batched, single, bare, batchMs, p99, failed }) => [
      title,
      milliseconds(batched),
      milliseconds(single),
      `${(batched.median / single.median).toFixed(2)} x`,
      milliseconds(bare),
      `${(batched.median / bare.median).toFixed(2)} x`,
      milliseconds(p99),
      (2 * (DELAY_MS + batchMs.median)).toFixed(1),
      String(failed),
    ]),
  );
}

function overloadTable({ capacity, offered, p99, throughput, residentMegabytes, failed }: Overload): string {
  return markdownTable(
    ["", "at capacity", "at three times that, for 60 s", "right after"],
    [
      ["requests a second", capacity.toFixed(0), offered.toFixed(0), ""],
      ["answered a second", throughput.before.toFixed(0), throughput.during.toFixed(0), throughput.after.toFixed(0)],
      ["p99 of the answered, ms", p99.before.toFixed(0), p99.accepted.toFixed(0), ""],
      ["p99 of the refused (503), ms", "", p99.refused.toFixed(0), ""],
      ["neither answered nor refused", "", String(failed), ""],
      [
        "resident memory, MB",
        "",
        `${residentMegabytes.afterTenSeconds.toFixed(0)} after 10 s, ${residentMegabytes.atTheEnd.toFixed(0)} at the end`,
        "",
      ],
    ],
  );
}

function soakText({ requestsASecond, requests, failed, p99, settled, last }: Soak): string {
  const load = `15 minutes at ${requestsASecond.toFixed(0)} requests a second, 80 % of capacity`;
  const memory = `resident memory ${settled.toFixed(0)} MB in minutes 3 and 4, ${last.toFixed(0)} MB in the last two`;
  return `${load}: ${requests.toLocaleString("en")} requests, ${failed} failed, p99 ${p99.toFixed(0)} ms; ${memory}.`;
}
