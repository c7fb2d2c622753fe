// Puts one model folder into the Worker's bundle: checks manifest, hashes and calibration here, once,
// so that no isolate has to at its cold start, and writes `edge-worker/generated/model.ts`, which
// imports one data module a stage. Run by wrangler before every build and by the tests.
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { calibrationSchema } from "@spillway/shared/schema/calibration";
import { parseDocument } from "@spillway/shared/schema/document";
import { manifestSchema } from "@spillway/shared/schema/manifest";
import type { z } from "zod";

const REPOSITORY = path.resolve(import.meta.dirname, "../..");
const GENERATED = path.join(REPOSITORY, "edge-worker/generated");
const DEFAULT_FOLDER = path.join(REPOSITORY, "models/cifar100");

/**
 * Verifies the model in `folder` and writes the generated module.
 * @throws Error with one clear line when a file is missing, damaged or made for another model
 */
export async function bundleModel(folder = process.env.SPILLWAY_MODEL ?? DEFAULT_FOLDER): Promise<void> {
  const manifestFile = path.join(folder, "manifest.json");
  const manifestBytes = await readFile(manifestFile);
  const hash = sha256(manifestBytes);
  const manifest = parseDocument(manifestSchema, manifestBytes.toString(), manifestFile);
  const calibrationFile = path.join(folder, "calibration.json");
  const calibration = parseDocument(calibrationSchema, await readFile(calibrationFile, "utf8"), calibrationFile);
  if (calibration.model !== hash) {
    throw new Error(`${calibrationFile}: fitted for model ${calibration.model}, but manifest.json is ${hash}`);
  }
  if (calibration.exits.length !== manifest.edge.stages.length) {
    throw new Error(
      `${calibrationFile}: expected ${manifest.edge.stages.length} exits, got ${calibration.exits.length}`,
    );
  }
  await mkdir(GENERATED, { recursive: true });
  for (const stage of manifest.edge.stages) {
    const file = path.join(folder, stage.file);
    if (sha256(await readFile(file)) !== stage.sha256) throw new Error(`${file}: SHA-256 differs from manifest.json`);
    await copyFile(file, path.join(GENERATED, stage.file));
  }
  await writeFile(path.join(GENERATED, "model.ts"), moduleText(manifest, calibration, hash));
}

function moduleText(
  manifest: z.infer<typeof manifestSchema>,
  calibration: z.infer<typeof calibrationSchema>,
  hash: string,
): string {
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
