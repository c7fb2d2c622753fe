// Runs a command inside the Python environment of models/training, making the environment first if need be:
//   node models/training/environment.mjs python -m pytest tests
// The environment is .venv beside this file. A stamp in it holds the hash of the requirements it was made from,
// so that a change of requirements.txt installs again and nothing else does. The command runs in models/training.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const environment = join(folder, ".venv");
const binaries = join(environment, process.platform === "win32" ? "Scripts" : "bin");
const requirements = join(folder, "requirements.txt");
const stamp = join(environment, "requirements.sha256");
const OLDEST_PYTHON = [3, 10];

main(process.argv.slice(2));

function main(command) {
  if (command.length === 0) fail("expected a command, such as: python -m pytest tests");
  prepareEnvironment();
  runCommand(command);
}

/** Makes the environment, or brings it up to date; does nothing where the stamp matches. */
function prepareEnvironment() {
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;

  // Asked of pip, not of the files: an environment whose making was cut short may have a python without pip.
  if (spawnSync(join(binaries, "python"), ["-m", "pip", "--version"]).status !== 0) {
    const python = findPython();
    report(`making ${environment}`);
    rmSync(environment, { recursive: true, force: true });
    runStep(python, ["-m", "venv", environment], "the Python environment could not be made (is the venv module installed?)");
  }
  report("installing requirements.txt; the first time this downloads PyTorch and takes a few minutes");
  runStep(
    join(binaries, "python"),
    ["-m", "pip", "install", "--disable-pip-version-check", "--requirement", requirements],
    "the requirements could not be installed",
  );
  // Written last: an install that was cut short leaves no stamp and is done again.
  writeFileSync(stamp, wanted);
  report("ready");
}

/** The first of python3 and python that is new enough. */
function findPython() {
  const found = [];
  for (const name of ["python3", "python"]) {
    const script = "import sys; print(*sys.version_info[:2])";
    const result = spawnSync(name, ["-c", script], { encoding: "utf8" });
    if (result.status !== 0) continue;
    const [major, minor] = result.stdout.trim().split(" ").map(Number);
    if (major > OLDEST_PYTHON[0] || (major === OLDEST_PYTHON[0] && minor >= OLDEST_PYTHON[1])) return name;
    found.push(`${name} is ${major}.${minor}`);
  }
  return fail(`python3 >= ${OLDEST_PYTHON.join(".")} is needed; ${found.join(", ") || "none was found"}`);
}

/** Runs one step of the installation; all that it prints goes to stderr, since stdout belongs to the command. */
function runStep(program, args, failure) {
  const result = spawnSync(program, args, { stdio: ["ignore", 2, 2] });
  if (result.status !== 0) fail(failure);
}

/** Runs the command as if the environment were activated, and ends as it ends. */
function runCommand([program, ...args]) {
  const result = spawnSync(program, args, {
    cwd: folder,
    stdio: "inherit",
    env: {
      // ONNX Runtime tells Microsoft of its use unless told not to.
      ORT_DISABLE_TELEMETRY: "1",
      ...process.env,
      VIRTUAL_ENV: environment,
      PATH: `${binaries}${delimiter}${process.env.PATH ?? ""}`,
    },
  });
  if (result.error) fail(`${program} could not be started (${result.error.code})`);
  process.exit(result.status ?? 128 + (constants.signals[result.signal] ?? 0));
}

function report(line) {
  process.stderr.write(`environment: ${line}\n`);
}

function fail(line) {
  report(line);
  process.exit(1);
}
