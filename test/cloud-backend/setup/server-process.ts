// The backend as its own process, as it runs in production.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { modelFolder } from "./model-folder.ts";

const ENTRY = fileURLToPath(new URL("../../../cloud-backend/src/server.ts", import.meta.url));

export interface ServerProcess {
  child: ChildProcess;
  stdout: string[];
  stderr: string[];
  /** Resolves with the fields of the first log line of this event. @throws when the process ends before */
  event(name: string): Promise<Record<string, unknown>>;
  /** Resolves to where it listens, once its models are warm. @throws when the process ends before */
  ready(): Promise<string>;
  /** Resolves with the exit code. */
  exit: Promise<number | null>;
}

export function startProcess(environment: Record<string, string> = {}, flags: string[] = []): ServerProcess {
  const env = { PATH: process.env.PATH, SPILLWAY_MODEL: modelFolder, PORT: "0", ...environment };
  const child = spawn(process.execPath, [ENTRY, ...flags], { env, stdio: ["ignore", "pipe", "pipe"] });
  const stdout: string[] = [];
  const stderr: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => stdout.push(line));
  createInterface({ input: child.stderr }).on("line", (line) => stderr.push(line));
  // "close" comes after the last line.
  const exit = once(child, "close").then(([code]) => code as number | null);

  const find = (name: string) =>
    stdout
      .filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line))
      .find((line) => line.event === name);

  async function event(name: string): Promise<Record<string, unknown>> {
    while (find(name) === undefined) {
      const ended = exit.then((code) => {
        throw new Error(`ended with ${code} before "${name}": ${stderr.join("\n")}`);
      });
      await Promise.race([once(lines, "line"), ended]);
    }
    return find(name);
  }
  async function ready(): Promise<string> {
    await event("ready");
    return String((await event("listening")).url);
  }
  return { child, stdout, stderr, event, ready, exit };
}
