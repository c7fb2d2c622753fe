// `spillway export triton`: the graphs that the cloud serves as a Triton model repository, made from the
// manifest. The Worker asks Triton for the same names as it asks our backend.
import path from "node:path";
import { type CloudGraph, cloudGraphs } from "@spillway/shared/schema/cloud-graphs";
import { checkGraph } from "../../export/check-graph.ts";
import { inferenceService, serviceName, TRITON_TAG } from "../../export/inference-service.ts";
import { LABELS_FILE, labelsText, type TritonOptions, tritonConfig } from "../../export/triton-config.ts";
import { placeOf, writeModel } from "../../export/triton-repository.ts";
import { flagsOnly, neededFlag, numberFlag } from "../../flag-values.ts";
import { type ModelFolder, openModelFolder, readGraph } from "../../model-folder.ts";
import { reportResult, writeWhole } from "../../result-output.ts";
import { parseFlags, UsageError } from "../../usage.ts";

const DEFAULT_MODEL = "models/cifar100";
const DEFAULT_STORAGE = "s3://YOUR-BUCKET/triton";
const SERVICE_FILE = "inference-service.yaml";

/** Larger numbers are typing mistakes. */
const MAX_INSTANCES = 64;
const MAX_BATCH = 1024;
const MAX_DELAY_MICROSECONDS = 1_000_000;
const MAX_REPLICAS = 1000;
const MAX_CONCURRENCY = 100_000;

const HELP = `spillway export triton --out REPOSITORY [--model FOLDER] [--version N] [--gpu] [--force]

  --model FOLDER          manifest.json and its graphs (default ${DEFAULT_MODEL})
  --out REPOSITORY        <model>/config.pbtxt, its ${LABELS_FILE} and <version>/model.onnx are written there, and
                          ${SERVICE_FILE} for KServe; an empty folder, or one with other versions of this model
  --version N             of the graphs (default 1); Triton serves the highest
  --force                 overwrite what is there
  --gpu                   instances on GPUs (default: on the CPU)
  --instances N           copies of each graph, for each GPU (default 1)
  --max-batch N           rows of one batch (default 32)
  --delay-us N            microseconds that the first request of a batch waits for others (default 2000)

The InferenceService:

  --storage-uri URI       where the repository lies for the cluster (default ${DEFAULT_STORAGE})
  --min-replicas N        (default 1); 0 lets Knative end the last one
  --max-replicas N        (default 4)
  --target-concurrency N  requests in flight for each replica (default 32)

  --json                  { repository, version, place, models: [{ name, sha256, files }], inferenceService }

The file's SHA-256, and the inputs and outputs of the graph, are checked against the manifest before anything is
written.
`;

const FLAGS = {
  model: { type: "string", default: DEFAULT_MODEL },
  out: { type: "string" },
  version: { type: "string", default: "1" },
  force: { type: "boolean", default: false },
  gpu: { type: "boolean", default: false },
  instances: { type: "string" },
  "max-batch": { type: "string" },
  "delay-us": { type: "string" },
  "storage-uri": { type: "string", default: DEFAULT_STORAGE },
  "min-replicas": { type: "string" },
  "max-replicas": { type: "string" },
  "target-concurrency": { type: "string" },
  json: { type: "boolean", default: false },
} as const;

type Values = NonNullable<ReturnType<typeof parseFlags<typeof FLAGS>>>["values"];

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(args, FLAGS, HELP);
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("export triton", flags.positionals);
  const repository = neededFlag("export triton", "out", values.out);
  const { version } = values;
  if (!/^[1-9]\d{0,8}$/.test(version)) throw new UsageError(`--version: expected a number from 1, got "${version}"`);
  const storageUri = values["storage-uri"];
  if (!/^[a-z0-9]+:\/\/\S+$/.test(storageUri)) {
    throw new UsageError(`--storage-uri: expected a URI such as ${DEFAULT_STORAGE}, got "${storageUri}"`);
  }
  const options = tritonOptions(values);
  const scaling = scalingFlags(values);

  const folder = await openModelFolder(values.model);
  const { manifest } = folder;
  const graphs = cloudGraphs(manifest);
  const labels = labelsText(manifest.labels, folder.path);
  const models = graphs.map((graph) => ({ name: graph.name, config: tritonConfig(graph, options), labels }));
  const place = await placeOf(repository, models, version, values.force);
  const bytes = await readGraphs(folder, graphs);

  const written: WrittenModel[] = [];
  for (const [index, { name, sha256 }] of graphs.entries()) {
    const files = await writeModel(repository, { ...models[index], graph: bytes[index] }, version, place);
    written.push({ name, sha256, files });
  }
  const service = { model: manifest.name, storageUri, device: options.device, ...scaling };
  if (place !== "added-version") await writeWhole(path.join(repository, SERVICE_FILE), inferenceService(service));
  const result = { repository, version, place, models: written, inferenceService: serviceName(manifest.name) };
  await reportResult(result, { json: values.json }, summary(result, options.device, storageUri));
}

function tritonOptions(values: Values): TritonOptions {
  return {
    instances: wholeFlag("instances", values.instances, 1, MAX_INSTANCES, 1),
    maxBatch: wholeFlag("max-batch", values["max-batch"], 1, MAX_BATCH, 32),
    delayMicroseconds: wholeFlag("delay-us", values["delay-us"], 0, MAX_DELAY_MICROSECONDS, 2000),
    device: values.gpu ? "gpu" : "cpu",
  };
}

function scalingFlags(values: Values) {
  const minReplicas = wholeFlag("min-replicas", values["min-replicas"], 0, MAX_REPLICAS, 1);
  const maxReplicas = wholeFlag("max-replicas", values["max-replicas"], 1, MAX_REPLICAS, Math.max(4, minReplicas));
  if (maxReplicas < minReplicas) {
    throw new UsageError(
      `--max-replicas: expected at least --min-replicas, which is ${minReplicas}; got ${maxReplicas}`,
    );
  }
  const target = values["target-concurrency"];
  return {
    minReplicas,
    maxReplicas,
    targetConcurrency: wholeFlag("target-concurrency", target, 1, MAX_CONCURRENCY, 32),
  };
}

function wholeFlag(name: string, text: string | undefined, lowest: number, highest: number, fallback: number): number {
  const value = numberFlag(name, text, lowest, highest) ?? fallback;
  if (!Number.isInteger(value)) throw new UsageError(`--${name}: expected a whole number, got "${text}"`);
  return value;
}

/** Every graph, checked: nothing is written when one of them is not what it should be. */
async function readGraphs(folder: ModelFolder, graphs: readonly CloudGraph[]): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for (const graph of graphs) {
    const bytes = await readGraph(folder, graph);
    await checkGraph({ ...graph, file: path.join(folder.path, graph.file) }, bytes);
    all.push(bytes);
  }
  return all;
}

interface WrittenModel {
  name: string;
  sha256: string;
  /** Relative to the repository. */
  files: string[];
}

function summary(
  { repository, version, models }: { repository: string; version: string; models: WrittenModel[] },
  device: "cpu" | "gpu",
  storageUri: string,
): string {
  const gpus = device === "gpu" ? "--gpus=all " : "";
  const image = `nvcr.io/nvidia/tritonserver:${TRITON_TAG}`;
  const files = models.flatMap((model) => model.files);
  return `${repository}: version ${version} of ${models.map(({ name }) => name).join(", ")}
${files.map((file) => `  ${file}\n`).join("")}
Triton on this machine, and a Worker that asks it:
  docker run --rm ${gpus}-p 8000:8000 -v ${path.resolve(repository)}:/models:ro ${image} \\
    tritonserver --model-repository=/models
  npx wrangler dev --var CLOUD_URL:http://127.0.0.1:8000

KServe, once the repository has been copied to ${storageUri}:
  kubectl apply -f ${path.join(repository, SERVICE_FILE)}
`;
}
