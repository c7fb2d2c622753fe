// `npm run check`: everything a change must pass, cheapest first; stops at the first failure.
import { spawnSync } from "node:child_process";
import { bundleModel } from "../edge-worker/scripts/bundle-model.ts";

const PROJECTS = [
  "shared",
  "edge-worker",
  "cloud-backend",
  "cloud-backend/deploy",
  "models",
  "scripts",
  "test",
  "test/edge-worker",
];
const WORKER_TYPES = "edge-worker/generated/worker-configuration.d.ts";

/** Formatting, lint and the direction of imports are all Biome's (biome.json). */
const steps: [string, string, string[]][] = [
  ["format, lint, import direction", "biome", ["ci", "--error-on-warnings", "."]],
  ["types of the Workers runtime", "wrangler", ["types", WORKER_TYPES, "--include-env=false"]],
  ...PROJECTS.map((project): [string, string, string[]] => [`types of ${project}`, "tsc", ["-p", project]]),
  ["bundle", "wrangler", ["deploy", "--dry-run", "--outdir", "dist"]],
  ["tests", "vitest", ["run"]],
];

await bundleModel();
for (const [title, program, args] of steps) {
  if (title === "tests" && process.argv.includes("--skip-tests")) continue;
  const startedMs = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8", stdio: "pipe" });
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  process.stderr.write(`${status === 0 ? "ok    " : "FAILED"} ${title} (${seconds} s)\n`);
  if (status !== 0) {
    process.stderr.write(`${stdout}${stderr}`);
    process.exit(1);
  }
}
