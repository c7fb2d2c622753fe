// `npm run bench [name ...]`: runs the benchmarks, writes their numbers beside this file and their
// tables into the README, between the markers that name them.
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { bundleModel } from "../../edge-worker/scripts/bundle-model.ts";
import { benchAccuracy, MOSAIC } from "./accuracy.bench.ts";
import { benchBackend, benchSoak } from "./backend.bench.ts";
import { benchCalibration, EDGEBOOST } from "./calibration.bench.ts";
import { benchCodec } from "./codec.bench.ts";
import { benchController, TRACES } from "./controller.bench.ts";
import { benchDecoding } from "./decode.bench.ts";
import { benchFamily } from "./family.bench.ts";
import { benchFeatures } from "./features.bench.ts";
import { benchGate } from "./gate.bench.ts";
import { machine } from "./measure.ts";
import { benchMemory } from "./memory.bench.ts";
import { benchPolicies } from "./policies.bench.ts";
import { benchRequests } from "./requests.bench.ts";
import { benchStages } from "./stages.bench.ts";
import { benchStream, FOLDER as TRACE_FOLDER } from "./stream.bench.ts";

interface Bench {
  run(): Promise<{ results: unknown; tables: Record<string, string> }>;
  /** What it reads from outside the repository. */
  needs?: readonly string[];
  /** Runs only when it is named. */
  isLong?: boolean;
}

const BENCHES: Record<string, Bench> = {
  stages: { run: benchStages },
  decoding: { run: benchDecoding },
  requests: { run: benchRequests },
  memory: { run: benchMemory },
  accuracy: { run: benchAccuracy, needs: [MOSAIC] },
  features: { run: benchFeatures, needs: [MOSAIC] },
  codec: { run: benchCodec, needs: [MOSAIC] },
  calibration: { run: benchCalibration, needs: [EDGEBOOST] },
  gate: { run: benchGate },
  policies: { run: benchPolicies, needs: [EDGEBOOST] },
  controller: { run: benchController, needs: [TRACES, MOSAIC] },
  backend: { run: benchBackend },
  stream: { run: benchStream, needs: [TRACE_FOLDER, MOSAIC], isLong: true },
  family: { run: benchFamily, needs: [MOSAIC], isLong: true },
  soak: { run: benchSoak, isLong: true },
};
const RESULTS = path.join(import.meta.dirname, "results");

async function main(): Promise<void> {
  const usual = Object.keys(BENCHES).filter((name) => !BENCHES[name].isLong);
  const names = process.argv.length > 2 ? process.argv.slice(2) : usual;
  const unknown = names.find((name) => BENCHES[name] === undefined);
  if (unknown !== undefined) throw new Error(`no benchmark "${unknown}"; there are ${Object.keys(BENCHES).join(", ")}`);
  await bundleModel();
  await mkdir(RESULTS, { recursive: true });
  for (const name of names) {
    const { run, needs = [] } = BENCHES[name];
    const missing = needs.find((file) => !existsSync(file));
    if (missing !== undefined) {
      process.stderr.write(`${name}: skipped, as ${missing} is not there\n`);
      continue;
    }
    process.stderr.write(`${name} ...\n`);
    const { results, tables } = await run();
    const record = { measured: new Date().toISOString().slice(0, 10), machine: machine(), results };
    await writeFile(path.join(RESULTS, `${name}.json`), `${JSON.stringify(record, null, 2)}\n`);
    await writeTables({ ...tables, machine: await describeMachines() });
    for (const table of Object.values(tables)) process.stdout.write(`\n${table}\n\n`);
  }
}

/** A line for each machine that measured, with the benchmarks that it ran: they are not always run together. */
async function describeMachines(): Promise<string> {
  const benchesOf = new Map<string, string[]>();
  for (const name of Object.keys(BENCHES)) {
    const file = path.join(RESULTS, `${name}.json`);
    if (!existsSync(file)) continue;
    const record = JSON.parse(await readFile(file, "utf8")) as { machine: ReturnType<typeof machine> };
    const line = describeMachine(record.machine);
    benchesOf.set(line, [...(benchesOf.get(line) ?? []), name]);
  }
  return [...benchesOf].map(([line, names]) => `- ${names.join(", ")}: ${line}`).join("\n");
}

function describeMachine({ cpu, cores, node, workerd, onnxruntimeWeb, onnxruntimeNode }: ReturnType<typeof machine>) {
  const runtimes = `Node ${node}, workerd ${workerd}, onnxruntime-web ${onnxruntimeWeb}, onnxruntime-node ${onnxruntimeNode}`;
  return `${cores} cores, ${cpu}; ${runtimes}`;
}

/** Replaces what stands between `<!-- bench:name -->` and `<!-- /bench:name -->`. */
async function writeTables(tables: Record<string, string>): Promise<void> {
  let readme = await readFile("README.md", "utf8");
  for (const [name, table] of Object.entries(tables)) {
    const [start, end] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
    const [from, to] = [readme.indexOf(start), readme.indexOf(end)];
    if (from === -1 || to < from) throw new Error(`README.md: expected ${start} before ${end}`);
    readme = `${readme.slice(0, from + start.length)}\n\n${table}\n\n${readme.slice(to)}`;
  }
  await writeFile("README.md", readme);
}

main().catch((error: unknown) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
});
