// The Worker's KV as wrangler reaches it: the local one of `npm start`, or Cloudflare's.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { PublishStore } from "./publish.ts";

/** `local` names the folder of the local KV; `remote` is the account that wrangler is logged in to. */
export type KvTarget = { kind: "local"; state: string } | { kind: "remote" };

/** Where wrangler.toml lies, which says what CONFIG is. */
const ROOT = path.resolve(import.meta.dirname, "../../..");
/** Run by this Node: the one that its first line would find may be too old for it. */
const WRANGLER = path.join(ROOT, "node_modules/wrangler/bin/wrangler.js");
/** Where `npm start` keeps its KV. */
export const DEFAULT_STATE = ".wrangler/state";
const TIMEOUT_MS = 60_000;
/** KV's largest value. */
const MAX_VALUE_BYTES = 26_214_400;
/** No banner, no usage statistics, no look-up of this machine's place on the map, no notice of a newer version. */
const QUIET = { WRANGLER_HIDE_BANNER: "true", WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false" };

/** @throws Error when a running Spillway holds the local KV */
export function createWranglerKv(target: KvTarget): PublishStore {
  if (target.kind === "local") expectUnused(target.state);
  const where = target.kind === "local" ? ["--local", "--persist-to", path.resolve(target.state)] : ["--remote"];
  const kv = (...args: string[]) => runWrangler(["kv", "key", ...args, "--binding", "CONFIG", ...where]);
  return {
    async get(key) {
      const read = await kv("get", key);
      if (read.ok) return read.stdout === "Value not found\n" ? null : read.stdout;
      if (/ - 404: /.test(read.error)) return null;
      throw new Error(`wrangler kv key get ${key}: ${read.error}`);
    },

    async put(key, text) {
      const folder = await mkdtemp(path.join(tmpdir(), "spillway-publish-"));
      try {
        const file = path.join(folder, "value");
        await writeFile(file, text);
        const written = await kv("put", key, "--path", file);
        if (!written.ok) throw new Error(`wrangler kv key put ${key}: ${written.error}`);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  };
}

/** `npm start` leaves its process id there: two workerds on one folder would damage its databases. */
function expectUnused(state: string): void {
  const mark = path.join(state, "spillway.pid");
  const holder = Number(existsSync(mark) ? readFileSync(mark, "utf8") : Number.NaN);
  if (!isRunning(holder)) return;
  throw new Error(
    `${state} is in use by process ${holder}; stop it first (a threshold alone changes live: spillway config set)`,
  );
}

function isRunning(pid: number): boolean {
  try {
    return Number.isInteger(pid) && process.kill(pid, 0);
  } catch {
    return false;
  }
}

type Run = { ok: true; stdout: string } | { ok: false; error: string };

function runWrangler(args: string[]): Promise<Run> {
  const options = {
    cwd: ROOT,
    env: { ...process.env, ...QUIET },
    timeout: TIMEOUT_MS,
    maxBuffer: MAX_VALUE_BYTES,
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [WRANGLER, ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve({ ok: true, stdout });
      else resolve({ ok: false, error: error.killed ? `no answer in ${TIMEOUT_MS} ms` : firstError(stderr, error) });
    });
  });
}

/** Wrangler explains at length and in colour; the line that it marks as the error, or else the first, says what happened. */
function firstError(stderr: string, error: Error): string {
  const lines = stripVTControlCharacters(stderr)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const marked = lines.find((line) => line.includes("[ERROR]"))?.replace(/^.*\[ERROR\]\s*/, "");
  return marked ?? lines.at(0) ?? error.message.split("\n")[0];
}
