// `spillway stream`: plays pictures as a camera's frames to a running Worker, and tells how it goes.
import { readFile } from "node:fs/promises";
import { MAX_DEADLINE_MS } from "@spillway/shared/schema/stream";
import { neededFlag, numberFlag } from "../flag-values.ts";
import { expectWritable, OUTPUT_FLAGS, reportResult } from "../result-output.ts";
import { frameFiles } from "../stream/frame-files.ts";
import { drainAnswers, type FrameClock, playFrames } from "../stream/play-frames.ts";
import { ConnectionError, StreamClient } from "../stream/stream-client.ts";
import { createStreamTally, progressText, type StreamSummary, summaryTable } from "../stream/stream-report.ts";
import { parseFlags, UsageError } from "../usage.ts";
import { DEFAULT_EDGE_URL, edgeFetch, problemText } from "../worker-api.ts";

const HELP = `spillway stream FOLDER|FILE|PATTERN ... --fps N [--url ${DEFAULT_EDGE_URL}] [--deadline-ms N] [--top 1]
                [--loop] [--frames N] [--json] [--out FILE]

Sends pictures over /v1/stream as a camera takes frames: by the clock, the newest first where there is no room.
A broken connection is opened again and the stream goes on. Ctrl-C ends it, with the summary.

  --fps N          frames a second
  --deadline-ms N  milliseconds from sending in which an answer is wanted
  --loop           begin again after the last picture, until Ctrl-C or --frames
  --frames N       end after so many
  --json           print the summary as JSON
  --out FILE       also write it there
`;

/** As many labels as the Worker lists. */
const MAX_TOP = 100;
/** Milliseconds between two reports on a terminal, and elsewhere. */
const REPORT_MS = { terminal: 250, log: 5_000 };
/** Milliseconds that answers are waited for after the last frame, and after Ctrl-C. */
const DRAIN_MS = { usual: 30_000, interrupted: 2_000 };

/** Longer than any timer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const frameClock: FrameClock = {
  now: () => performance.now(),
  startTimer(ms) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(ms, LONGEST_TIMER_MS));
    return { elapsed: promise, cancel: () => clearTimeout(timer) };
  },
};

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...OUTPUT_FLAGS,
      url: { type: "string", default: DEFAULT_EDGE_URL },
      fps: { type: "string" },
      "deadline-ms": { type: "string" },
      top: { type: "string", default: "1" },
      loop: { type: "boolean", default: false },
      frames: { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values, positionals } = flags;
  if (positionals.length === 0) throw new UsageError("name a folder or pictures; see spillway stream --help");
  const framesPerSecond = numberFlag("fps", neededFlag("stream", "fps", values.fps), 0.01, 1000) as number;
  const deadlineMs = wholeFlag("deadline-ms", values["deadline-ms"], MAX_DEADLINE_MS);
  const most = wholeFlag("frames", values.frames, Number.MAX_SAFE_INTEGER) ?? Infinity;
  const top = wholeFlag("top", values.top, MAX_TOP);
  const url = streamUrl(values.url, { top, deadline_ms: deadlineMs });
  const files = await frameFiles(positionals);
  await expectWritable(values.out);
  const frames = values.loop ? most : Math.min(most, files.length);
  const camera = { framesPerSecond, frames, picture: pictureReader(files) };
  const summary = await play(camera, url, deadlineMs);
  await reportResult(summary, values, summaryTable(summary));
}

async function play(camera: Parameters<typeof playFrames>[0], url: URL, deadlineMs: number | null) {
  const tally = createStreamTally(deadlineMs);
  const played = { taken: 0, sent: 0, skipped: 0 };
  const client = new StreamClient({
    url,
    openSocket: (address) => new WebSocket(address),
    onAnswer: tally.add,
    now: frameClock.now,
    random: Math.random,
  });
  const startMs = frameClock.now();
  const summary = (): StreamSummary => ({
    seconds: (frameClock.now() - startMs) / 1000,
    ...played,
    ...client.counts,
    ...tally.counts(),
  });
  const interrupt = interruption();
  const report = startReport(() => progressText(summary()));
  try {
    await playFrames(camera, client, frameClock, interrupt.signal, played);
    const drainMs = interrupt.signal.aborted ? DRAIN_MS.interrupted : DRAIN_MS.usual;
    await drainAnswers(client, AbortSignal.timeout(drainMs));
    return summary();
  } catch (error) {
    throw error instanceof ConnectionError ? await explained(error, url) : error;
  } finally {
    client.end();
    report.stop();
    interrupt.stop();
  }
}

/** Ctrl-C, until it is stopped; a second one ends the program as ever. */
function interruption(): { signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  process.once("SIGINT", abort);
  return { signal: controller.signal, stop: () => void process.off("SIGINT", abort) };
}

/** On a terminal one line that changes, elsewhere one now and then. */
function startReport(text: () => string): { stop(): void } {
  const { isTTY } = process.stderr;
  let longest = 0;
  const write = () => {
    const line = isTTY ? text().slice(0, (process.stderr.columns ?? 80) - 1) : text();
    longest = Math.max(longest, line.length);
    process.stderr.write(isTTY ? `\r${line.padEnd(longest)}` : `${line}\n`);
  };
  const timer = setInterval(write, isTTY ? REPORT_MS.terminal : REPORT_MS.log);
  return {
    stop() {
      clearInterval(timer);
      if (isTTY && longest > 0) process.stderr.write(`\r${" ".repeat(longest)}\r`);
    },
  };
}

/** Reads the picture of a frame, and the next one ahead. */
function pictureReader(files: readonly string[]): (index: number) => Promise<Uint8Array<ArrayBuffer>> {
  let ahead: { index: number; picture: Promise<Uint8Array<ArrayBuffer>> } | null = null;
  const read = (index: number) => {
    const picture = readPictureFile(files[index % files.length]);
    // Whoever wants it hears of a failure.
    picture.catch(() => undefined);
    return picture;
  };
  return (index) => {
    const picture = ahead?.index === index ? ahead.picture : read(index);
    ahead = { index: index + 1, picture: read(index + 1) };
    return picture;
  };
}

async function readPictureFile(file: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(file));
  } catch (error) {
    throw new Error(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function streamUrl(base: string, query: Record<string, number | null>): URL {
  const url = URL.parse(`${base}/v1/stream`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`--url: expected an http or https URL, got "${base}"`);
  }
  for (const [name, value] of Object.entries(query)) if (value !== null) url.searchParams.set(name, String(value));
  return url;
}

/** A WebSocket does not say why it was not opened; asked without one, the Worker does. */
async function explained(error: ConnectionError, url: URL): Promise<Error> {
  const response = await edgeFetch(url.href).catch((reason: Error) => reason);
  if (response instanceof Error) return response;
  return response.status === 426 ? error : new Error(await problemText(response));
}

function wholeFlag(name: string, text: string | undefined, most: number): number | null {
  const value = numberFlag(name, text, 1, most);
  if (value !== undefined && !Number.isInteger(value)) {
    throw new UsageError(`--${name}: expected a whole number, got "${text}"`);
  }
  return value ?? null;
}
