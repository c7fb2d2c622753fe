// A child process with its logs prefixed, in a process group of its own, so that stopping it stops
// whatever it started: wrangler runs workerd, for one.
import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { createInterface } from "node:readline";

const ROOT = path.resolve(import.meta.dirname, "..");
/** Neither a banner nor a look-up of this machine's place on the map, which needs the network. */
const QUIET_WRANGLER = { WRANGLER_HIDE_BANNER: "true", CLOUDFLARE_CF_FETCH_ENABLED: "false" };
/** After this, asking becomes killing. The backend drains its requests first. */
const STOP_TIMEOUT_MS = 10_000;
/** A killed process is gone at once, unless nobody collects it. */
const KILL_TIMEOUT_MS = 2_000;

export interface Service {
  name: string;
  child: ChildProcess;
  /** Resolves to one line about how it ended. */
  ended: Promise<string>;
}

export function startService(name: string, program: string, args: string[], env: NodeJS.ProcessEnv = {}): Service {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...QUIET_WRANGLER, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      if (line.trim() !== "") process.stdout.write(`[${name}] ${line}\n`);
    });
  }
  const ended = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`${name} could not be started: ${error.message}`));
    child.on("exit", (code, signal) =>
      resolve(`${name} ended (${signal ?? `exit code ${code}`}); see its lines above`),
    );
  });
  return { name, child, ended };
}

/** Asks all to stop, waits, and kills what is left of their process groups. */
export async function stopServices(services: readonly Service[]): Promise<void> {
  for (const service of services) signalGroup(service, "SIGTERM");
  const timeout = new Promise((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS).unref());
  await Promise.race([Promise.all(services.map((service) => service.ended)), timeout]);
  for (const service of services) signalGroup(service, "SIGKILL");
  const deadlineMs = performance.now() + KILL_TIMEOUT_MS;
  while (services.some((service) => signalGroup(service, 0)) && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Whether there was a process to signal; signal 0 only asks. */
function signalGroup({ child }: Service, signal: NodeJS.Signals | 0): boolean {
  if (child.pid === undefined) return false;
  try {
    return process.kill(-child.pid, signal);
  } catch {
    return false;
  }
}
