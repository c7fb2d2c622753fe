// Our programs against Python's on the same files. Every run is a process of its own and times itself, so that no start
// of an interpreter counts.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { interleave, type Summary, summarise } from "./measure.ts";

export const ROUNDS = 5;
const ENVIRONMENT = path.resolve(import.meta.dirname, "../../models/training/environment.mjs");
const PYTHON = path.join(import.meta.dirname, "python");
const execute = promisify(execFile);

/** What each of the timed programs prints. */
interface Run {
  seconds: number;
  peakBytes: number;
  /** Both programs must have computed the same. */
  answer: number;
}

export interface Task {
  name: string;
  /** Path of a program of ours, and the name of one in the folder `python`. */
  ours: string;
  python: string;
  /** What follows the folder on both command lines. */
  args?: string[];
  /** Largest relative difference of the answers. */
  tolerance: number;
}

export interface RunSummary {
  milliseconds: Summary;
  /** The largest of the runs. */
  peakBytes: number;
}

export async function timeTask({ name, ours, python, args = [], tolerance }: Task, folder: string) {
  const [ourRuns, pythonRuns]: Run[][] = [[], []];
  const round = [
    async () => void ourRuns.push(await runOurs(ours, folder, args)),
    async () => void pythonRuns.push(JSON.parse(await runPython(python, folder, args))),
  ];
  // The first run reads the files from the disk, the others from memory.
  await interleave(1 + ROUNDS, round);
  const [[{ answer }], [{ answer: expected }]] = [ourRuns, pythonRuns];
  if (!(Math.abs(answer - expected) <= tolerance * Math.abs(expected))) {
    throw new Error(`${name}: expected ${expected}, as ${python} computes, got ${answer}`);
  }
  const [ourSummary, pythonSummary] = [summaryOf(ourRuns.slice(1)), summaryOf(pythonRuns.slice(1))];
  const ratio = ourSummary.milliseconds.median / pythonSummary.milliseconds.median;
  return { task: name, ours: ourSummary, python: pythonSummary, ratio };
}

/** What a program in the folder `python` prints. */
export async function runPython(script: string, folder: string, args: readonly string[] = []): Promise<string> {
  const command = [ENVIRONMENT, "python", path.join(PYTHON, script), folder, ...args];
  return (await execute(process.execPath, command)).stdout;
}

async function runOurs(script: string, folder: string, args: readonly string[]): Promise<Run> {
  const { stdout } = await execute(process.execPath, [script, folder, ...args]);
  return JSON.parse(stdout) as Run;
}

function summaryOf(runs: readonly Run[]): RunSummary {
  return {
    milliseconds: summarise(runs.map(({ seconds }) => 1000 * seconds)),
    peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
  };
}
