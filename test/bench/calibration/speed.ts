// How long the sweep of a large pair and the fit of a temperature take, against NumPy and SciPy on the same files.
// Every run is a process of its own and times itself, so that no start of an interpreter counts.
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { interleave, markdownTable, milliseconds, type Summary, summarise } from "../measure.ts";

const ROUNDS = 5;
const ENVIRONMENT = path.resolve(import.meta.dirname, "../../../models/training/environment.mjs");
const PYTHON = path.join(import.meta.dirname, "../python");
const execute = promisify(execFile);

/** What each of the timed programs prints. */
interface Run {
  seconds: number;
  peakBytes: number;
  /** The area or the temperature: both programs must have computed the same. */
  answer: number;
}

interface Versions {
  python: string;
  numpy: string;
  scipy: string;
}

interface Task {
  name: string;
  ours: string;
  python: string;
  /** Largest relative difference of the answers. */
  tolerance: number;
}

const TASKS: Task[] = [
  {
    name: "sweep of 1,000,000 x 100, against NumPy",
    ours: "time-sweep.ts",
    python: "sweep.py",
    // NumPy's curve has a point for each row, ours one for all rows of equal margin.
    tolerance: 1e-6,
  },
  {
    name: "temperature of 50,000 x 100, against SciPy",
    ours: "time-temperature.ts",
    python: "temperature.py",
    tolerance: 1e-5,
  },
];

export async function benchSpeed() {
  const folder = await mkdtemp(path.join(tmpdir(), "spillway-bench-"));
  try {
    const versions = JSON.parse(await runPython("make_arrays.py", folder)) as Versions;
    const tasks = [];
    for (const task of TASKS) tasks.push(await timeTask(task, folder));
    const { python, numpy, scipy } = versions;
    const intro = `${ROUNDS} runs each; Python ${python}, NumPy ${numpy}, SciPy ${scipy}`;
    return { results: { versions, tasks }, table: `${intro}\n\n${tableOf(tasks)}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function timeTask(task: Task, folder: string) {
  const [ours, python]: Run[][] = [[], []];
  const round = [
    async () => void ours.push(await runOurs(task.ours, folder)),
    async () => void python.push(JSON.parse(await runPython(task.python, folder))),
  ];
  // The first run reads the files from the disk, the others from memory.
  await interleave(1 + ROUNDS, round);
  const [[{ answer }], [{ answer: expected }]] = [ours, python];
  if (!(Math.abs(answer - expected) <= task.tolerance * Math.abs(expected))) {
    throw new Error(`${task.name}: expected ${expected}, as ${task.python} computes, got ${answer}`);
  }
  const [ourSummary, pythonSummary] = [summaryOf(ours.slice(1)), summaryOf(python.slice(1))];
  const ratio = ourSummary.milliseconds.median / pythonSummary.milliseconds.median;
  return { task: task.name, ours: ourSummary, python: pythonSummary, ratio };
}

async function runOurs(script: string, folder: string): Promise<Run> {
  const { stdout } = await execute(process.execPath, [path.join(import.meta.dirname, script), folder]);
  return JSON.parse(stdout) as Run;
}

async function runPython(script: string, folder: string): Promise<string> {
  const { stdout } = await execute(process.execPath, [ENVIRONMENT, "python", path.join(PYTHON, script), folder]);
  return stdout;
}

interface RunSummary {
  milliseconds: Summary;
  /** The largest of the runs. */
  peakBytes: number;
}

function summaryOf(runs: readonly Run[]): RunSummary {
  return {
    milliseconds: summarise(runs.map(({ seconds }) => 1000 * seconds)),
    peakBytes: Math.max(...runs.map(({ peakBytes }) => peakBytes)),
  };
}

function tableOf(tasks: readonly { task: string; ours: RunSummary; python: RunSummary; ratio: number }[]): string {
  const megabytes = ({ peakBytes }: RunSummary) => (peakBytes / 1e6).toFixed(0);
  return markdownTable(
    ["", "Spillway, ms", "Python, ms", "ratio", "Spillway's peak, MB", "Python's peak, MB"],
    tasks.map(({ task, ours, python, ratio }) => [
      task,
      milliseconds(ours.milliseconds),
      milliseconds(python.milliseconds),
      `${ratio.toFixed(2)} x`,
      megabytes(ours),
      megabytes(python),
    ]),
  );
}
