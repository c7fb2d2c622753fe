// Runs a command of this repository on a fresh clone: checks Node, installs what is missing, then
// starts the command with the Node that the project pins. Plain JavaScript without dependencies, as
// it must run before anything is installed, on any Node from 20 on.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const MIN_NODE = 20;
const PARENT = process.ppid;
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BINARIES = path.join(ROOT, "node_modules", ".bin");
/** Says which package-lock.json the installed packages are of. */
const STAMP = path.join(ROOT, "node_modules", ".spillway-lock");

const env = {
  ...process.env,
  PATH: `${BINARIES}${path.delimiter}${process.env.PATH ?? ""}`,
  // Its install script would fetch CUDA libraries; a GPU host asks for them (README, Deploy).
  ONNXRUNTIME_NODE_INSTALL: process.env.ONNXRUNTIME_NODE_INSTALL ?? "skip",
  // ONNX Runtime tells Microsoft of its use unless told not to.
  ORT_DISABLE_TELEMETRY: process.env.ORT_DISABLE_TELEMETRY ?? "1",
  WRANGLER_SEND_METRICS: process.env.WRANGLER_SEND_METRICS ?? "false",
};

const major = Number(process.versions.node.split(".")[0]);
if (major < MIN_NODE) fail(`Node ${MIN_NODE} or later is needed, this is ${process.versions.node}`);
if (!isInstalled()) await install();
const [command, ...args] = process.argv.slice(2);
process.exitCode = await run(command, args);

function isInstalled() {
  return read(STAMP) === lockHash();
}

async function install() {
  process.stderr.write("Installing packages (npm ci), once per change of package-lock.json ...\n");
  const started = Date.now();
  const code = await run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { stdio: ["ignore", 2, 2] });
  if (code !== 0) fail(`npm ci failed with exit code ${code}`);
  writeFileSync(STAMP, lockHash());
  process.stderr.write(`Installed in ${Math.round((Date.now() - started) / 1000)} s\n`);
}

function lockHash() {
  return createHash("sha256")
    .update(read(path.join(ROOT, "package-lock.json")) ?? "")
    .digest("hex");
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/** Resolves to the exit code; signals are passed on, so that Ctrl-C and `kill` reach the command. */
function run(program, programArgs, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, programArgs, {
      cwd: ROOT,
      env,
      stdio: "inherit",
      shell: process.platform === "win32",
      ...options,
    });
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    // Whoever started this may be killed without a word to us: npm's shell passes nothing on.
    setInterval(() => process.ppid !== PARENT && child.kill("SIGTERM"), 1000).unref();
    child.on("error", (error) => fail(`${program} could not be started: ${error.message}`));
    child.on("exit", (code, signal) => resolve(signal === null ? code : 1));
  });
}

function fail(message) {
  process.stderr.write(`spillway: ${message}\n`);
  process.exit(1);
}
