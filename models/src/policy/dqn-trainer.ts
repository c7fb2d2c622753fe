// The DQN's trainer: the Python program of models/training as a child, which ends with this process and whose last
// word becomes this command's.
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";

/** Where it runs. */
export const TRAINING_FOLDER = path.resolve(import.meta.dirname, "../../training");
/** With which it begins the line that says why it failed. */
const FAILURE = "spillway_training.dqn: ";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export type TrainerEnd =
  | { ended: "done" }
  | { ended: "interrupted"; signal: NodeJS.Signals }
  | { ended: "failed"; error: string };

/**
 * Trains; what the trainer reports on the way goes to stderr. A signal to this process ends both.
 *
 * @param files options that name files from the working folder, by their names without the dashes
 * @param settings the other options
 * @throws Error with one line when the Python environment cannot be prepared
 */
export async function runDqnTrainer(
  files: Record<string, string>,
  settings: Record<string, string>,
): Promise<TrainerEnd> {
  const python = await preparedPython();
  const absolute = Object.entries(files).map(([name, file]) => [name, path.resolve(file)]);
  // An equals sign, as a value may begin with a dash.
  const args = [...absolute, ...Object.entries(settings)].map(([name, value]) => `--${name}=${value}`);
  const child = spawn(python, ["-m", "spillway_training.dqn", "train", ...args], {
    cwd: TRAINING_FOLDER,
    stdio: ["ignore", "ignore", "pipe"],
    // Ctrl-C reaches a terminal's whole group; Python, asked twice, would explain at length. It is asked once, by us.
    detached: true,
  });
  let signal: NodeJS.Signals | null = null;
  // The trainer replaces its checkpoints whole, so it may be ended at any moment.
  const stop = (received: NodeJS.Signals) => {
    signal ??= received;
    child.kill("SIGTERM");
  };
  for (const name of SIGNALS) process.on(name, stop);
  let failure: string | null = null;
  createInterface({ input: child.stderr }).on("line", (line) => {
    if (line.startsWith(FAILURE)) failure = line.slice(FAILURE.length);
    else process.stderr.write(`${line}\n`);
  });
  try {
    const [code, killed] = await once(child, "close");
    if (code === 0) return { ended: "done" };
    if (signal !== null) return { ended: "interrupted", signal };
    return { ended: "failed", error: failure ?? `the training ended with ${killed ?? `exit code ${code}`}` };
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}

/** The Python of the trainer's environment, which is made the first time. */
async function preparedPython(): Promise<string> {
  const environment = path.join(TRAINING_FOLDER, "environment.mjs");
  const child = spawn(process.execPath, [environment, "python", "-c", "import sys; print(sys.executable)"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error("the Python environment of models/training could not be prepared");
  return printed.trim();
}
