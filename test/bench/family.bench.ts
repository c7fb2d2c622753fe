// The model family: what the shipped networks are worth and cost, early exits at work, and what distillation, clusters
// and one tail for all settings are worth, each row trained on a short schedule of its own.
import * as ort from "onnxruntime-node";
import { type ModelFolder, openModelFolder, readGraph } from "../../models/src/model-folder.ts";
import { distillationTable, switchingLosses, switchingTable } from "./family/tables.ts";
import { exitRowSchema, trainedRowSchema, trainerTable } from "./family/trainer.ts";
import { markdownTable, milliseconds, percent, summarise } from "./measure.ts";

const MODEL = "models/cifar100";
const WARM_UP = 20;
const TIMED = 200;
const THREADS = 2;

export async function benchFamily() {
  const { accuracy, networks } = await describeNetworks(await openModelFolder(MODEL));
  const exits = await trainerTable("exits", exitRowSchema);
  const distillation = await trainerTable("distillation", trainedRowSchema);
  const tails = await trainerTable("tail", trainedRowSchema);
  const losses = switchingLosses(tails);
  const exitTable = markdownTable(
    ["mean cost allowed", "top-1", "loss, points", "mean multiply-adds", "speed-up", "left at exit 1 / 2 / 3"],
    exits.map(({ costShareAllowed, top1, lossAgainstWhole, meanMultiplyAdds, speedUp, leaving }) => [
      percent(costShareAllowed, 0),
      percent(top1),
      (lossAgainstWhole * 100).toFixed(2),
      `${(meanMultiplyAdds / 1e6).toFixed(1)} M`,
      `${speedUp.toFixed(2)} x`,
      leaving.map((share) => percent(share, 0)).join(" / "),
    ]),
  );
  return {
    results: { accuracy, networks, exits, distillation, tails, losses },
    tables: {
      family: networks,
      "family-exits": exitTable,
      "family-distillation": distillationTable(distillation),
      "family-tails": switchingTable(losses, tails),
    },
  };
}

async function describeNetworks(folder: ModelFolder) {
  const { edge, cloud, accuracy } = folder.manifest;
  const tail = cloud.tail === null ? [] : [{ name: `tail-${fullest(cloud.tail.settings)}`, graph: cloud.tail }];
  const networks = [
    ...edge.stages.map((graph, index) => ({ name: `exit-${index + 1}`, graph })),
    { name: "large", graph: cloud.large },
    ...tail,
  ];
  const large = await ort.InferenceSession.create(await readGraph(folder, cloud.large), {
    intraOpNumThreads: THREADS,
  });
  const latency = await timeLarge(large, cloud.large.input.name, large.inputMetadata);
  const rows = networks.map(({ name, graph }) => {
    const measured = accuracy.find(({ model }) => model === name);
    const top1 = measured === undefined ? "" : `${percent(measured.top1)} ± ${standardError(measured)}`;
    const time = name === "large" ? milliseconds(latency) : "";
    return [
      name,
      top1,
      `${(graph.multiplyAdds / 1e6).toFixed(1)} M`,
      megabytes(graph.parameters),
      megabytes(graph.bytes),
      time,
    ];
  });
  const header = ["network", "top-1", "multiply-adds", "parameters, M", "file, MB", `ms alone, ${THREADS} threads`];
  return { accuracy, networks: markdownTable(header, rows) };
}

function fullest(settings: readonly { channels: number; bits: number }[]): string {
  const { channels, bits } = settings[settings.length - 1];
  return `${channels}x${bits}`;
}

function standardError({ top1, n }: { top1: number; n: number }): string {
  return (Math.sqrt((top1 * (1 - top1)) / n) * 100).toFixed(1);
}

function megabytes(count: number): string {
  return (count / 1e6).toFixed(2);
}

async function timeLarge(session: ort.InferenceSession, name: string, metadata: ort.InferenceSession["inputMetadata"]) {
  const [input] = metadata;
  if (!input.isTensor) throw new Error(`${name}: expected a tensor`);
  const shape = input.shape.map((side) => (typeof side === "number" && side > 0 ? side : 1));
  const size = shape.reduce((product, side) => product * side, 1);
  const pixels = Uint8Array.from({ length: size }, (_, index) => (index * 37) % 256);
  const feeds = { [name]: new ort.Tensor("uint8", pixels, shape) };
  const samples: number[] = [];
  for (let run = 0; run < WARM_UP + TIMED; run++) {
    const startMs = performance.now();
    await session.run(feeds);
    if (run >= WARM_UP) samples.push(performance.now() - startMs);
  }
  return summarise(samples);
}
