// A thousand 12-megapixel JPEGs, eight at a time, through the stack that `npm start` runs: whether any
// request fails, and whether the memory of the isolate goes on growing.
//
// Counted is the resident memory of the workerd processes (Linux, /proc): the isolate's heap, what its
// WebAssembly holds, and workerd itself. It is what a machine would run out of.
import { readdir, readFile } from "node:fs/promises";
import { startStack } from "../e2e/stack.ts";
import { jpegPicture } from "./pictures.ts";
import { configOf, putConfig } from "./stack-config.ts";

const REQUESTS = 1000;
const AT_ONCE = 8;
const SETTLED_AFTER = 100;
const SAMPLE_EVERY = 25;

export async function benchMemory() {
  const image = await jpegPicture(4000, 3000);
  const stack = await startStack();
  try {
    await putConfig(stack, await configOf(stack, () => {}));
    const samples: { requests: number; megabytes: number }[] = [];
    let started = 0;
    let done = 0;
    let failed = 0;
    const startMs = performance.now();
    async function sendNext(): Promise<void> {
      while (started < REQUESTS) {
        started++;
        const headers = { "content-type": "image/jpeg" };
        const isFine = await fetch(`${stack.edgeUrl}/v1/classify`, { method: "POST", headers, body: image }).then(
          async (response) => response.ok && (await response.text()).length > 0,
          () => false,
        );
        if (!isFine) failed++;
        done++;
        if (done % SAMPLE_EVERY === 0)
          samples.push({ requests: done, megabytes: await workerdMegabytes(stack.process.pid) });
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
    const seconds = (performance.now() - startMs) / 1000;
    const settled = samples.filter(({ requests }) => requests >= SETTLED_AFTER).map(({ megabytes }) => megabytes);
    if (failed > 0) throw new Error(`${failed} of ${REQUESTS} requests failed`);
    const growth = { first: settled[0], last: settled[settled.length - 1], highest: Math.max(...settled) };
    const table = `${REQUESTS} JPEGs of 4000 x 3000 (${(image.byteLength / 1e6).toFixed(1)} MB), ${AT_ONCE} at a time: none failed, ${(
      REQUESTS / seconds
    ).toFixed(1)} a second. Resident memory of workerd after ${SETTLED_AFTER} requests ${growth.first.toFixed(
      0,
    )} MB, at the end ${growth.last.toFixed(0)} MB, at most ${growth.highest.toFixed(0)} MB.`;
    return { results: { failed, seconds, bytes: image.byteLength, samples }, tables: { memory: table } };
  } finally {
    await stack.stop();
  }
}

/** Resident memory of every workerd below a process. */
async function workerdMegabytes(root: number | undefined): Promise<number> {
  const processes = new Map<number, { parent: number; name: string; pages: number }>();
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => null);
    if (stat === null) continue;
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    processes.set(Number(entry), { parent: Number(fields[1]), name, pages: Number(fields[21]) });
  }
  const isBelow = (pid: number): boolean =>
    pid === root || (processes.has(pid) && isBelow(processes.get(pid)?.parent ?? 0));
  let pages = 0;
  for (const [pid, { name, pages: own }] of processes) if (name === "workerd" && isBelow(pid)) pages += own;
  return (pages * 4096) / 1e6;
}
