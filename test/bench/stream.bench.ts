// A camera over a link that follows recorded traces, end to end through the real stack, beside what the simulator says
// of the same trace, frame rate, deadline and ways to send (./stream/simulated-run.ts). The frames are the report half
// of CIFAR-100's shared test images. Traces are scaled so that the frames as whole images need a multiple of what the
// link carries on average.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { calibrationSchema } from "@spillway/shared/schema/calibration";
import { parseDocument } from "@spillway/shared/schema/document";
import type { SendOption } from "@spillway/shared/split/controller";
import { readMosaic } from "../../models/src/images/mosaic.ts";
import { splitInHalves } from "../../models/src/images/split.ts";
import { replayOf } from "../../models/src/link/replay.ts";
import { readTrace, type Trace } from "../../models/src/link/trace.ts";
import { openModelFolder } from "../../models/src/model-folder.ts";
import { askAlways, type ShapedStack, startShapedStack } from "../e2e/shaped-stack.ts";
import { MOSAIC } from "./accuracy.bench.ts";
import { markdownTable, percent, percentile99, summarise } from "./measure.ts";
import { pngOf } from "./pictures.ts";
import { type CameraFrames, decisionOf, runCamera, scoreCamera } from "./stream/camera-run.ts";
import { simulateCamera } from "./stream/simulated-run.ts";

/** Where the traces are. */
export const FOLDER = "../shared/data/traces";
/** `multiple`: what all frames as whole images would need, of what the link carries on average. */
const TRACES = [
  { name: "norway_bus_1", multiple: 0.5 },
  { name: "norway_train_4", multiple: 1 },
  { name: "norway_ferry_7", multiple: 2 },
];
const CALIBRATION = "models/cifar100/calibration.json";
const ONE_WAY_MS = 10;
const FRAMES_PER_SECOND = 10;
/** A minute. */
const FRAMES = 600;
const UNLIMITED_FRAMES = 150;
/** Far enough for every frame, near enough for the controller to be asked. */
const FAR_DEADLINE_MS = 10_000;
/** The deadline is so many times what 99 of 100 frames take on a link without a limit. */
const DEADLINE_OVER_P99 = 3;

export async function benchStream() {
  const { pictures, labels } = await reportImages();
  const camera = { pictures, labels, framesPerSecond: FRAMES_PER_SECOND };
  const stack = await startShapedStack(ONE_WAY_MS, askAlways(0));
  try {
    await measureUnlimited(stack, camera);
    let before = await measureUnlimited(stack, camera);
    const deadlineMs = Math.ceil((percentile99(before.latenciesMs) * DEADLINE_OVER_P99) / 10) * 10;
    const runs = [];
    for (const { name, multiple } of TRACES) {
      const { wholeBytes, headerBytes } = before;
      const meanBytesPerMs = ((wholeBytes + headerBytes) * FRAMES_PER_SECOND) / 1000 / multiple;
      const replay = replayOf(scaled(await readTrace(path.join(FOLDER, `${name}.txt`)), meanBytesPerMs));
      stack.link.follow(replay);
      const run = await runCamera(stack, { ...camera, frames: FRAMES, deadlineMs });
      // What the machine is like besides changes slowly: the latencies before and after are those of the run.
      const after = await measureUnlimited(stack, camera);
      const simulated = simulateCamera(run, {
        options: await sendOptions(wholeBytes, headerBytes),
        latenciesMs: [...before.latenciesMs, ...after.latenciesMs],
        replay,
        framesPerSecond: FRAMES_PER_SECOND,
        deadlineMs,
      });
      const latencyMs = summarise([...before.latenciesMs, ...after.latenciesMs]);
      runs.push({
        trace: name,
        multiple,
        unlimitedMs: latencyMs,
        stream: scoreCamera(run, { labels, deadlineMs }),
        simulated,
      });
      before = after;
    }
    const { wholeBytes, headerBytes } = before;
    const results = { framesPerSecond: FRAMES_PER_SECOND, deadlineMs, wholeBytes, headerBytes, runs };
    return { results, tables: { stream: tableOf(runs, deadlineMs) } };
  } finally {
    await stack.stop();
  }
}

/** What frames take on a link without a limit, where the whole image is the best way to send any of them. */
async function measureUnlimited(stack: ShapedStack, camera: Omit<CameraFrames, "frames" | "deadlineMs">) {
  stack.link.follow(null);
  const { told, bytesUp } = await runCamera(stack, {
    ...camera,
    frames: UNLIMITED_FRAMES,
    deadlineMs: FAR_DEADLINE_MS,
  });
  const sent = told.filter((one) => decisionOf(one)?.tier === "cloud");
  const bodyBytes = sent.map((one) => decisionOf(one)?.bytesSent ?? 0);
  return {
    latenciesMs: sent.map(({ latencyMs }) => latencyMs),
    wholeBytes: Math.max(...bodyBytes),
    headerBytes: (bytesUp - bodyBytes.reduce((sum, bytes) => sum + bytes, 0)) / sent.length,
  };
}

/** All ways to send a frame, with the bytes that the link carries for each. */
async function sendOptions(wholeBytes: number, headerBytes: number): Promise<SendOption[]> {
  const calibration = parseDocument(calibrationSchema, await readFile(CALIBRATION, "utf8"), CALIBRATION);
  const tail = (calibration.tail ?? []).map(({ setting, gainShare, frameBytes }): SendOption => {
    return { route: "tail", setting, bytes: frameBytes + headerBytes, gainShare };
  });
  return [...tail, { route: "large", setting: null, bytes: wholeBytes + headerBytes, gainShare: 1 }];
}

async function reportImages() {
  const { manifest } = await openModelFolder(path.dirname(CALIBRATION));
  const tiles = await readMosaic(MOSAIC, manifest.edge.preprocessing, manifest.labels.length);
  const chosen = splitInHalves(tiles.count).report.slice(0, FRAMES);
  const pictures = await Promise.all(
    chosen.map(async (index) => {
      const { data, width, height } = await tiles.read(index);
      return pngOf(data, width, height);
    }),
  );
  return { pictures, labels: chosen.map((index) => tiles.labels[index]) };
}

/** The same course at another mean. */
function scaled(trace: Trace, meanBytesPerMs: number): Trace {
  const factor = meanBytesPerMs / replayOf(trace).meanBytesPerMs;
  return { ...trace, bytesPerMs: trace.bytesPerMs.map((bytes) => bytes * factor) };
}

function tableOf(runs: readonly StreamRun[], deadlineMs: number): string {
  const rows = runs.map(({ trace, multiple, stream, simulated }) => [
    `${trace}, ${multiple} x`,
    percent(stream.missRate),
    percent(simulated.missRate),
    `${((stream.missRate - simulated.missRate) * 100).toFixed(1)}`,
    percent(stream.cloud),
    percent(simulated.cloud),
    percent(stream.accuracy),
  ]);
  const header = ["trace", "missed", "simulated", "difference, points", "by the cloud", "simulated", "accuracy"];
  return `${FRAMES} frames a trace at ${FRAMES_PER_SECOND} a second, deadline ${deadlineMs} ms\n\n${markdownTable(header, rows)}`;
}

interface StreamRun {
  trace: string;
  /** See {@link TRACES}. */
  multiple: number;
  stream: ReturnType<typeof scoreCamera>;
  simulated: ReturnType<typeof simulateCamera>;
}
