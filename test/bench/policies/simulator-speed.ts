// Decisions a second of the simulator, drawing the sequences included, against NumPy on the same simulation.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { tokenGrid } from "@spillway/shared/bucket/token-grid";
import { solveThresholds } from "@spillway/shared/policy/value-iteration";
import { readNumbers } from "../../../models/src/arrays/inputs.ts";
import { ROUNDS, runPython, timeTask } from "../against-python.ts";
import { markdownTable, type Summary } from "../measure.ts";

export const SIMULATED_BUCKET = { rate: 0.1, depth: 4 };
export const GRID = tokenGrid(SIMULATED_BUCKET.rate, SIMULATED_BUCKET.depth);
export const DRAWN = { sequences: 200, frames: 20_000, seed: 1 };
const DECISIONS = DRAWN.sequences * DRAWN.frames;
/** Both draw 4,000,000 images of their own: their mean rewards differ by about 0.1 %. */
const TOLERANCE = 0.01;

export async function benchSimulator() {
  const folder = await mkdtemp(path.join(tmpdir(), "spillway-bench-"));
  try {
    const versions = JSON.parse(await runPython("make_rows.py", folder)) as { python: string; numpy: string };
    const [metrics, rewards] = await Promise.all(
      ["metrics.npy", "rewards.npy"].map((name) => readNumbers(path.join(folder, name))),
    );
    const thresholds = solveThresholds({ metrics, rewards }, GRID, [{ units: 1, share: 1 }]);
    await writeFile(path.join(folder, "mdp.json"), JSON.stringify(thresholds));
    const tasks = [];
    for (const policy of ["threshold", "mdp"]) {
      const ours = path.join(import.meta.dirname, "time-simulate.ts");
      const task = { name: policy, ours, python: "simulate.py", args: [policy], tolerance: TOLERANCE };
      tasks.push(await timeTask(task, folder));
    }
    const intro = `${ROUNDS} runs each of ${DECISIONS / 1e6} million decisions on one core; Python ${versions.python}, NumPy ${versions.numpy}`;
    const rows = tasks.map(({ task, ours, python, ratio }) => [
      task,
      speed(ours.milliseconds),
      speed(python.milliseconds),
      `${(1 / ratio).toFixed(1)} x`,
    ]);
    const table = markdownTable(["policy", "Spillway, million decisions a second", "NumPy", "ratio"], rows);
    return { results: { versions, tasks }, table: `${intro}\n\n${table}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Median, and what the slower and the faster quartile come to. */
function speed({ median, p25, p75 }: Summary): string {
  const millions = (milliseconds: number) => (DECISIONS / milliseconds / 1000).toFixed(1);
  return `${millions(median)} (${millions(p75)} to ${millions(p25)})`;
}
