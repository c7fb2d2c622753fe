// Commands as a user runs them, and as fast as a function.
import { spawn } from "node:child_process";
import path from "node:path";
import { afterEach, beforeEach, vi } from "vitest";

export const ROOT = path.resolve(import.meta.dirname, "../../..");

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs `spillway` in a process of its own, in the repository's root. */
export function spillway(...args: string[]): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["models/src/cli.ts", ...args], { cwd: ROOT });
    const finished: Finished = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => (finished.stdout += chunk));
    child.stderr.on("data", (chunk) => (finished.stderr += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...finished, code }));
  });
}

/** What the command run in this process has written; emptied before each test. */
export function captureOutput(): { stdout: string; stderr: string } {
  const output = { stdout: "", stderr: "" };
  beforeEach(() => {
    output.stdout = "";
    output.stderr = "";
    for (const name of ["stdout", "stderr"] as const) {
      vi.spyOn(process[name], "write").mockImplementation((text) => {
        output[name] += text;
        return true;
      });
    }
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return output;
}
