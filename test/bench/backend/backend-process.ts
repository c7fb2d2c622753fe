// The backend in a process of its own, as it runs in production.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { freePort, ROOT, untilAnswered } from "../../e2e/stack.ts";

export interface BackendProcess {
  url: string;
  /** Resident memory in MB. */
  residentMegabytes(): Promise<number>;
  stop(): Promise<void>;
}

export async function startBackend(environment: Record<string, string>): Promise<BackendProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, ["cloud-backend/src/server.ts"], {
    cwd: ROOT,
    env: { ...process.env, SPILLWAY_LOG_LEVEL: "warn", ...environment, PORT: String(port), HOST: "127.0.0.1" },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const url = `http://127.0.0.1:${port}`;
  await Promise.race([untilAnswered(`${url}/ping`, (response) => response.ok), endOf(child)]);
  return {
    url,
    residentMegabytes: () => residentMegabytes(child.pid),
    async stop() {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}

async function endOf(child: ChildProcess): Promise<never> {
  const [code] = await once(child, "exit");
  throw new Error(`the backend ended with code ${code}`);
}

/** From Linux's own count, which includes what ONNX Runtime and sharp hold outside of JavaScript. */
async function residentMegabytes(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kilobytes === undefined) throw new Error("expected VmRSS in /proc");
  return Number(kilobytes) / 1024;
}
