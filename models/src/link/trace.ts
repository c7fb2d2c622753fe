// A recorded throughput trace: lines of `time_s throughput_Mbps`, as Pensieve republished those of Riiser et al. (2013).
import { readFile } from "node:fs/promises";
import path from "node:path";
import { inputFileBytes } from "../arrays/input-file.ts";

/** Piecewise constant, as Pensieve replays it: a line's throughput holds from the line before it until its own time. */
export interface Trace {
  name: string;
  /** Milliseconds from the first line at which each piece ends, [pieces], rising. */
  endsMs: Float64Array;
  /** Bytes a millisecond of each piece, [pieces]. */
  bytesPerMs: Float64Array;
}

/** The shared ones take 10 KB. */
const MAX_TRACE_BYTES = 64 * 2 ** 20;
/** Mbit/s to bytes a millisecond. */
const BYTES_PER_MS = 125;
const FASTEST_MBPS = 1e6;

/** @throws Error with one line that names the file, and the line where one is wrong */
export async function readTrace(file: string): Promise<Trace> {
  const bytes = await inputFileBytes(file);
  if (bytes > MAX_TRACE_BYTES) throw new Error(`${file}: expected at most ${MAX_TRACE_BYTES} bytes, got ${bytes}`);
  return parseTrace(await readFile(file, "utf8"), file);
}

/** @throws Error with one line that begins with `file` */
export function parseTrace(text: string, file: string): Trace {
  const lines = text.split(/\r?\n/);
  while (lines.at(-1)?.trim() === "") lines.pop();
  if (lines.length < 2)
    throw new Error(`${file}: expected at least 2 lines of time and throughput, got ${lines.length}`);
  const samples = lines.map((line, index) => parseLine(line, `${file}: line ${index + 1}`));
  const startS = samples[0].seconds;
  const later = samples.slice(1);
  later.forEach(({ seconds }, index) => {
    const before = samples[index].seconds;
    if (!(seconds > before)) {
      throw new Error(`${file}: line ${index + 2}: expected a time after ${before}, got ${seconds}`);
    }
  });
  if (later.every(({ mbps }) => mbps === 0)) throw new Error(`${file}: expected some throughput, got none`);
  return {
    name: path.basename(file).replace(/\.[^.]*$/, ""),
    endsMs: Float64Array.from(later, ({ seconds }) => (seconds - startS) * 1000),
    bytesPerMs: Float64Array.from(later, ({ mbps }) => mbps * BYTES_PER_MS),
  };
}

function parseLine(line: string, where: string): { seconds: number; mbps: number } {
  const parts = line.trim().split(/\s+/);
  const [seconds, mbps] = parts.map((part) => (part === "" ? Number.NaN : Number(part)));
  if (parts.length !== 2 || !Number.isFinite(seconds) || !Number.isFinite(mbps)) {
    throw new Error(`${where}: expected "time_s throughput_Mbps", got "${line.slice(0, 60)}"`);
  }
  if (mbps < 0 || mbps > FASTEST_MBPS) {
    throw new Error(`${where}: expected a throughput from 0 to ${FASTEST_MBPS} Mbit/s, got ${mbps}`);
  }
  return { seconds, mbps };
}
