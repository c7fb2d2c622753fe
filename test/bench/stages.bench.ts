// (a) Each stage in workerd (onnxruntime-web, WebAssembly) against onnxruntime-node on one thread.

import * as ort from "onnxruntime-node";
import { openModelFolder, readGraph } from "../../models/src/model-folder.ts";
import { post, startBenchWorker } from "./bench-worker.ts";
import { interleave, markdownTable, milliseconds, summarise } from "./measure.ts";

const ROUNDS = 40;
/** As many as the bench Worker averages over. */
const RUNS_A_SAMPLE = 25;

export async function benchStages() {
  const folder = await openModelFolder("models/cifar100");
  const { stages, preprocessing } = folder.manifest.edge;
  const sessions: ort.InferenceSession[] = [];
  for (const stage of stages) {
    sessions.push(await ort.InferenceSession.create(await readGraph(folder, stage), { intraOpNumThreads: 1 }));
  }
  const worker = await startBenchWorker();
  const inWorkerd: number[][] = stages.map(() => []);
  const inNode: number[][] = stages.map(() => []);

  async function workerdRound(into: number[][]) {
    const times = await post<number[]>(`${worker.url}/stages`);
    times.forEach((sample, stage) => {
      into[stage].push(sample);
    });
  }
  async function nodeRound(into: number[][]) {
    const pixels = new Float32Array(3 * preprocessing.width * preprocessing.height).fill(0.1);
    let input: ort.Tensor = new ort.Tensor("float32", pixels, [1, 3, preprocessing.height, preprocessing.width]);
    for (const [index, stage] of stages.entries()) {
      const startMs = performance.now();
      for (let run = 1; run < RUNS_A_SAMPLE; run++) await sessions[index].run({ [stage.input]: input });
      const outputs = await sessions[index].run({ [stage.input]: input });
      into[index].push((performance.now() - startMs) / RUNS_A_SAMPLE);
      if (stage.features !== null) input = outputs[stage.features.name];
    }
  }
  const discarded = () => stages.map((): number[] => []);
  try {
    await interleave(3, [() => workerdRound(discarded()), () => nodeRound(discarded())]);
    await interleave(ROUNDS, [() => workerdRound(inWorkerd), () => nodeRound(inNode)]);
  } finally {
    await worker.stop();
  }
  const results = stages.map((stage, index) => {
    const [workerd, node] = [summarise(inWorkerd[index]), summarise(inNode[index])];
    return { stage: index + 1, multiplyAdds: stage.multiplyAdds, workerd, node, ratio: workerd.median / node.median };
  });
  const table = markdownTable(
    ["stage", "multiply-adds", "workerd, ms", "onnxruntime-node, 1 thread, ms", "ratio"],
    results.map(({ stage, multiplyAdds, workerd, node, ratio }) => [
      String(stage),
      `${(multiplyAdds / 1e6).toFixed(1)} M`,
      milliseconds(workerd),
      milliseconds(node),
      `${ratio.toFixed(1)} x`,
    ]),
  );
  return { results, tables: { stages: table } };
}
