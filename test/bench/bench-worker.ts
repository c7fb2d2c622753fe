// The benchmark's own Worker in workerd, on a free port.
import { startService, stopServices } from "../../scripts/service.ts";
import { freePort, untilAnswered } from "../e2e/stack.ts";

export interface BenchWorker {
  url: string;
  stop(): Promise<void>;
}

export async function startBenchWorker(): Promise<BenchWorker> {
  const port = await freePort();
  const args = ["dev", "--config", "test/bench/worker/wrangler.toml", "--ip", "127.0.0.1", "--port", String(port)];
  const flags = ["--inspector-port", "0", "--show-interactive-dev-session=false", "--log-level=error"];
  const service = startService("bench", "wrangler", [...args, ...flags]);
  const url = `http://127.0.0.1:${port}`;
  const end = await Promise.race([untilAnswered(url), service.ended]);
  if (end !== undefined) throw new Error(end);
  return { url, stop: () => stopServices([service]) };
}

export async function post<T>(url: string, body?: Uint8Array<ArrayBuffer>): Promise<T> {
  const response = await fetch(url, { method: "POST", body: body ?? null });
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
