// How long the sweep of a large pair and the fit of a temperature take, against NumPy and SciPy on the same files.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ROUNDS, type RunSummary, runPython, type Task, timeTask } from "../against-python.ts";
import { markdownTable, milliseconds } from "../measure.ts";

interface Versions {
  python: string;
  numpy: string;
  scipy: string;
}

const TASKS: Task[] = [
  {
    name: "sweep of 1,000,000 x 100, against NumPy",
    ours: path.join(import.meta.dirname, "time-sweep.ts"),
    python: "sweep.py",
    // NumPy's curve has a point for each row, ours one for all rows of equal margin.
    tolerance: 1e-6,
  },
  {
    name: "temperature of 50,000 x 100, against SciPy",
    ours: path.join(import.meta.dirname, "time-temperature.ts"),
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
