// Runs the Dockerfile's steps without Docker, in a temporary folder: what is copied, what npm installs
// (over the network), what is removed, and whether the server that is left starts as SageMaker starts it,
// answers its health check and ends. `node test/cloud-backend/deploy/check-image.ts`, on Linux; the final
// stage's own base is not tried. As root, the server runs as the image's user.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { App, Stack } from "aws-cdk-lib";
import { CPU_BASE, chooseImage } from "../../../cloud-backend/deploy/container-image.ts";
import { readOptions } from "../../../cloud-backend/deploy/options.ts";
import { contextCopies, readStages, type Stage, textsOf } from "./dockerfile.ts";

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 250;
const MEGABYTE = 1_000_000;

const work = mkdtempSync(path.join(tmpdir(), "spillway-image-"));
const folder = path.join(work, "app");
const [app, final] = readStages({ BASE: CPU_BASE, PROVIDERS: "cpu" });
try {
  mkdirSync(folder);
  // A temporary folder is its maker's alone; the image's user has to get through.
  chmodSync(work, 0o755);
  runSteps(app, stagedContext());
  runShell(textsOf(final, "RUN")[0]);
  tell(`/app: ${megabytes(folder)} MB, of which node_modules ${megabytes(path.join(folder, "node_modules"))} MB`);
  await tryServer();
  tell("ok");
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** What .dockerignore lets through, as the CDK stages it. */
function stagedContext(): string {
  const outdir = path.join(work, "cdk");
  const stack = new Stack(new App({ outdir }), "check");
  chooseImage(stack, readOptions({ instanceType: "c7i.large" }));
  const staged = readdirSync(outdir).find((name) => name.startsWith("asset."));
  if (staged === undefined) throw new Error("the CDK has staged no context");
  return path.join(outdir, staged);
}

function runSteps(stage: Stage, context: string): void {
  const copies = contextCopies(stage)[Symbol.iterator]();
  for (const { keyword, text } of stage.instructions) {
    if (keyword === "COPY") copy(context, copies.next().value as { sources: string[]; destination: string });
    if (keyword === "RUN") runShell(text);
  }
}

/** Docker copies a folder's content, and a file into a destination that ends in a slash. */
function copy(context: string, { sources, destination }: { sources: string[]; destination: string }): void {
  for (const source of sources) {
    const from = path.join(context, source);
    const intoFolder = destination.endsWith("/") && statSync(from).isFile();
    cpSync(from, path.join(folder, destination, intoFolder ? path.basename(source) : ""), { recursive: true });
  }
}

function runShell(command: string): void {
  tell(`RUN ${command}`);
  const { status } = spawnSync("/bin/sh", ["-ec", command], {
    cwd: folder,
    env: { ...withNode(), PROVIDERS: "cpu" },
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) throw new Error(`exit code ${status}`);
}

async function tryServer(): Promise<void> {
  const port = await freePort();
  const [program, ...args]: string[] = JSON.parse(textsOf(final, "ENTRYPOINT")[0]);
  const environment = { ...imageEnvironment(), PORT: String(port), HOST: "127.0.0.1" };
  const startMs = performance.now();
  const server = spawn(program, [...args, "serve"], { cwd: folder, env: environment, ...user(), stdio: "inherit" });
  try {
    await untilHealthy(server, environment, startMs);
    tell(`healthy after ${Math.round(performance.now() - startMs)} ms`);
    server.kill("SIGTERM");
    const [code] = await once(server, "exit");
    if (code !== 0) throw new Error(`the server ended with ${code} on SIGTERM`);
  } finally {
    server.kill("SIGKILL");
  }
}

async function untilHealthy(server: ChildProcess, environment: NodeJS.ProcessEnv, startMs: number): Promise<void> {
  const command = /CMD (\[.*\])$/.exec(textsOf(final, "HEALTHCHECK")[0])?.[1] ?? "[]";
  const [program, ...args]: string[] = JSON.parse(command);
  while (performance.now() - startMs < START_TIMEOUT_MS) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`);
    if (spawnSync(program, args, { env: environment, cwd: folder, ...user() }).status === 0) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`not healthy within ${START_TIMEOUT_MS} ms`);
}

/** The image's variables, and nothing of this machine's but where Node is. */
function imageEnvironment(): NodeJS.ProcessEnv {
  const pairs = textsOf(final, "ENV").flatMap((text) => text.split(/ +/));
  return { PATH: withNode().PATH, ...Object.fromEntries(pairs.map((pair) => pair.split("=", 2))) };
}

/** The Node that runs this, in front of any other. */
function withNode(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env.PATH}` };
}

function user(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = textsOf(final, "USER")[0].split(":").map(Number);
  return { uid, gid };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

function megabytes(of: string): number {
  const files = readdirSync(of, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Math.round(
    files.reduce((sum, { parentPath, name }) => sum + statSync(path.join(parentPath, name)).size, 0) / MEGABYTE,
  );
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
