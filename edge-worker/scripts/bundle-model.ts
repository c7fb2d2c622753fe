// Puts one model folder into the Worker's bundle: checks manifest, hashes and calibration here, once,
// so that no isolate has to at its cold start, and writes `edge-worker/generated/model.ts`, which
// imports one data module a stage. Run by wrangler before every build and by the tests.
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Calibration } from "@spillway/shared/schema/calibration";
import { checkCalibrationText } from "@spillway/shared/schema/calibration-check";
import { parseDocument } from "@spillway/shared/schema/document";
import { type Manifest, manifestSchema } from "@spillway/shared/schema/manifest";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const GENERATED = path.join(REPOSITORY, "edge-worker/generated");
const DEFAULT_FOLDER = path.join(REPOSITORY, "models/cifar100");

/**
 * Verifies the model in `folder` and writes the generated module.
 * @throws Error with one clear line when a file is missing, damaged or made for another model
 */
export async function bundleModel(folder = process.env.SPILLWAY_MODEL ?? DEFAULT_FOLDER): Promise<void> {
  const manifestFile = path.join(folder, "manifest.json");
  const manifestBytes = await read(manifestFile, `${folder} is no model folder`);
  const hash = sha256(manifestBytes);
  const manifest = parseDocument(manifestSchema, manifestBytes.toString(), manifestFile);
  const calibrationFile = path.join(folder, "calibration.json");
  const calibrationBytes = await read(calibrationFile, "`npm run spillway -- calibrate` makes it");
  const calibration = calibrationOf(calibrationBytes.toString(), manifest, hash, calibrationFile);
  const graphs = new Map<string, Uint8Array>();
  for (const { file, sha256: expected } of manifest.edge.stages) {
    const bytes = await read(path.join(folder, file), "the manifest names it");
    if (sha256(bytes) !== expected) throw new Error(`${path.join(folder, file)}: SHA-256 differs from manifest.json`);
    graphs.set(file, bytes);
  }
  // Nothing is written before all is well, and the module that names the graphs last.
  await mkdir(GENERATED, { recursive: true });
  for (const [file, bytes] of graphs) await replaceFile(path.join(GENERATED, file), bytes);
  await replaceFile(path.join(GENERATED, "model.ts"), Buffer.from(moduleText(manifest, calibration, hash)));
}

/** @throws Error naming the file, when it is not this model's calibration */
function calibrationOf(text: string, manifest: Manifest, hash: string, file: string): Calibration {
  const checked = checkCalibrationText(text, manifest, hash);
  if (!checked.ok) throw new Error(`${file}: ${checked.error}; \`npm run spillway -- calibrate\` fits it again`);
  return checked.calibration;
}

/** @throws Error that says which file cannot be read, and what that means */
async function read(file: string, meaning: string): Promise<Buffer> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read (${error.code}); ${meaning}`);
  });
}

/** Leaves an equal file alone and replaces another whole: a bundler may be reading it right now. */
async function replaceFile(file: string, bytes: Uint8Array): Promise<void> {
  const present = await readFile(file).catch(() => null);
  if (present !== null && Buffer.compare(present, bytes) === 0) return;
  const partial = `${file}.${process.pid}`;
  await writeFile(partial, bytes);
  await rename(partial, file);
}

function moduleText(manifest: Manifest, calibration: Calibration, hash: string): string {
  const imports = manifest.edge.stages.map((stage, index) => `import stage${index + 1} from "./${stage.file}";`);
  const names = manifest.edge.stages.map((_, index) => `stage${index + 1}`);
  return [
    "// Written by edge-worker/scripts/bundle-model.ts; do not edit.",
    `import type { ModelBundle } from "../src/inference/model-bundle.ts";`,
    ...imports,
    "",
    "export const modelBundle: ModelBundle = {",
    `  hash: ${JSON.stringify(hash)},`,
    `  manifest: ${JSON.stringify(manifest)},`,
    `  calibration: ${JSON.stringify(calibration)},`,
    `  stages: [${names.join(", ")}],`,
    "};",
    "",
  ].join("\n");
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

if (import.meta.main) {
  bundleModel().catch((error: unknown) => {
    console.error(`model: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  });
}
