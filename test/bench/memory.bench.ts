// A thousand 12-megapixel JPEGs, eight at a time, through the stack that `npm start` runs: whether any
// request fails, and whether the memory of the isolate goes on growing.
//
// The isolate's heap is asked through the inspector; its lowest readings are what was left after a
// garbage collection. The resident memory of the workerd processes (Linux, /proc) holds also what
// WebAssembly grew to, bodies in flight, and workerd itself.
import { processesBelow } from "../e2e/processes.ts";
import { freePort, startStack } from "../e2e/stack.ts";
import { openInspector } from "./inspector.ts";
import { markdownTable } from "./measure.ts";
import { jpegPicture } from "./pictures.ts";
import { configOf, putConfig } from "./stack-config.ts";

const REQUESTS = 1000;
const AT_ONCE = 8;
const SAMPLE_EVERY = 5;
/** The readings are compared over these spans of requests. */
const SPANS = [
  [100, 400],
  [400, 700],
  [700, 1000],
];

interface Sample {
  requests: number;
  objects: number;
  buffers: number;
  resident: number;
}

export async function benchMemory() {
  const image = await jpegPicture(4000, 3000);
  const inspectorPort = await freePort();
  const stack = await startStack("--inspector-port", String(inspectorPort));
  try {
    await putConfig(stack, await configOf(stack, () => {}));
    const inspector = await openInspector(inspectorPort);
    const samples: Sample[] = [];
    const startMs = performance.now();
    const failed = await sendAll(`${stack.edgeUrl}/v1/classify`, image, async (requests) => {
      if (requests % SAMPLE_EVERY !== 0) return;
      const resident = await workerdMegabytes(stack.process.pid);
      samples.push({ requests, ...(await inspector.heapUsage()), resident });
    });
    const seconds = (performance.now() - startMs) / 1000;
    inspector.close();
    if (failed > 0) throw new Error(`${failed} of ${REQUESTS} requests failed`);
    return {
      results: { seconds, bytes: image.byteLength, samples },
      tables: { memory: report(samples, image, seconds) },
    };
  } finally {
    await stack.stop();
  }
}

/** How many requests failed. */
async function sendAll(url: string, body: Uint8Array<ArrayBuffer>, afterEach: (done: number) => Promise<void>) {
  let started = 0;
  let done = 0;
  let failed = 0;
  async function sendNext(): Promise<void> {
    while (started < REQUESTS) {
      started++;
      const isFine = await fetch(url, { method: "POST", headers: { "content-type": "image/jpeg" }, body }).then(
        async (response) => response.ok && (await response.text()).length > 0,
        () => false,
      );
      if (!isFine) failed++;
      done++;
      await afterEach(done);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, sendNext));
  return failed;
}

function report(samples: readonly Sample[], image: Uint8Array, seconds: number): string {
  const rows = SPANS.map(([from, to]) => {
    const span = samples.filter(({ requests }) => requests > from && requests <= to);
    const lowest = (pick: (sample: Sample) => number) => Math.min(...span.map(pick)).toFixed(1);
    const highest = Math.max(...span.map(({ resident }) => resident)).toFixed(0);
    return [`${from + 1} to ${to}`, lowest(({ objects }) => objects), lowest(({ buffers }) => buffers), highest];
  });
  const [size, rate] = [(image.byteLength / 1e6).toFixed(1), (REQUESTS / seconds).toFixed(1)];
  const title = `${REQUESTS} JPEGs of 4000 x 3000 (${size} MB), ${AT_ONCE} at a time, ${rate} a second: none failed.`;
  const header = ["requests", "objects after collection, MB", "buffers after collection, MB", "resident at most, MB"];
  return `${title}\n\n${markdownTable(header, rows)}`;
}

/** Resident memory of every workerd below a process. */
async function workerdMegabytes(root: number | undefined): Promise<number> {
  const workerds = (await processesBelow(root)).filter(({ name }) => name === "workerd");
  return workerds.reduce((sum, { residentMegabytes }) => sum + residentMegabytes, 0);
}
