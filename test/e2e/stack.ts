// The whole product as a user starts it: `scripts/start.ts` in a process of its own, on free ports,
// with its KV and Durable Objects in a temporary folder.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

export const ROOT = path.resolve(import.meta.dirname, "../..");
const BINARIES = path.join(ROOT, "node_modules/.bin");

export interface Stack {
  edgeUrl: string;
  cloudUrl: string;
  process: ChildProcess;
  /** All it has printed. */
  output(): string;
  /** Runs `spillway <args>` against this stack. */
  spillway(...args: string[]): Promise<Finished>;
  /** Ctrl-C; resolves to the exit code when it is gone. */
  stop(): Promise<number | null>;
}

export interface Finished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** @throws Error with everything it printed when it ends before it is ready */
export async function startStack(...flags: string[]): Promise<Stack> {
  const state = await mkdtemp(path.join(tmpdir(), "spillway-state-"));
  const [edgePort, cloudPort] = await freePorts(2);
  const ports = ["--edge-port", String(edgePort), "--cloud-port", String(cloudPort)];
  const child = spawn("node", ["scripts/start.ts", ...ports, "--state", state, ...flags], {
    cwd: ROOT,
    env: environment(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const exit = new Promise<number | null>((resolve) => child.on("exit", resolve));
  const ready = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        output += chunk;
        if (output.includes("Spillway is running")) resolve();
      });
    }
  });
  const first = await Promise.race([ready, exit]);
  if (first !== undefined) throw new Error(`npm start ended with ${first}:\n${output}`);
  const edgeUrl = `http://127.0.0.1:${edgePort}`;
  return {
    edgeUrl,
    cloudUrl: `http://127.0.0.1:${cloudPort}`,
    process: child,
    output: () => output,
    spillway: (...args) => run("spillway", [...args, "--url", edgeUrl]),
    async stop() {
      child.kill("SIGINT");
      const code = await exit;
      await rm(state, { recursive: true, force: true });
      return code;
    },
  };
}

/** Runs a program of the repository to its end. */
export function run(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: { ...environment(), ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const finished: Finished = { code: null, stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      finished.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      finished.stderr += chunk;
    });
    child.on("error", reject);
    child.on("exit", (code) => resolve({ ...finished, code }));
  });
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0];
}

/** Different ports: each is held until all are found, as one that is let go may come up again at once. */
export async function freePorts(count: number): Promise<number[]> {
  const probes = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(probes.map((probe) => once(probe, "listening")));
  const ports = probes.map((probe) => (probe.address() as AddressInfo).port);
  await Promise.all(probes.map((probe) => once(probe.close(), "close")));
  return ports;
}

/** Asks again until something answers as wanted; whoever waits must end it when nothing ever can. */
export async function untilAnswered(
  url: string,
  isWanted: (response: Response) => boolean = () => true,
): Promise<void> {
  const asks = () => fetch(url).then(isWanted, () => false);
  while (!(await asks())) await new Promise((resolve) => setTimeout(resolve, 100));
}

/** Without what Vitest sets for its own processes. */
function environment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, VITEST: _vitest, NODE_ENV: _nodeEnv, ...rest } = process.env;
  return { ...rest, PATH: `${BINARIES}${path.delimiter}${process.env.PATH ?? ""}` };
}
