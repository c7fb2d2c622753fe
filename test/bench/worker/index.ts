// Times the Worker's own parts inside workerd, where only a Worker can. Local workerd lets the clock
// run while code computes; production does not, so these numbers cannot be taken there.
import { resizeImage, tensorOfImage } from "@spillway/shared/preprocess/image-tensor";
import { Hono } from "hono";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { withDecodedImage } from "../../../edge-worker/src/image/decode.ts";
import { readImageHeader } from "../../../edge-worker/src/image/header.ts";
import { createEdgeModel } from "../../../edge-worker/src/inference/edge-model.ts";

const { edge } = modelBundle.manifest;
const model = createEdgeModel(modelBundle);

/** Milliseconds of each run of each stage, [stage][run]. */
async function timeStages(runs: number): Promise<number[][]> {
  const { width, height } = edge.preprocessing;
  const data = Float64Array.from({ length: width * height * 3 }, (_, index) => (index * 37) % 256);
  const times: number[][] = edge.stages.map(() => []);
  for (let run = 0; run < runs; run++) {
    let input = model.imageInput(tensorOfImage({ data, width, height }, edge.preprocessing, edge.input));
    for (const stage of edge.stages.keys()) {
      const startMs = performance.now();
      const { features } = await model.runStage(stage, input);
      times[stage].push(performance.now() - startMs);
      if (features !== null) input = features;
    }
  }
  return times;
}

/** Milliseconds of each decoding and each resizing of one picture. */
function timeDecoding(image: Uint8Array, runs: number) {
  const header = readImageHeader(image);
  if ("reason" in header) throw new Error(header.detail);
  const times = { decode: [] as number[], resize: [] as number[] };
  for (let run = 0; run < runs; run++) {
    const startMs = performance.now();
    let decodedMs = startMs;
    const tensor = withDecodedImage(image, header, (pixels) => {
      decodedMs = performance.now();
      return tensorOfImage(resizeImage(pixels, header.orientation, edge.preprocessing), edge.preprocessing, edge.input);
    });
    if ("reason" in tensor) throw new Error(tensor.detail);
    times.decode.push(decodedMs - startMs);
    times.resize.push(performance.now() - decodedMs);
  }
  return times;
}

export default new Hono()
  .post("/stages", async (context) => context.json(await timeStages(Number(context.req.query("runs")))))
  .post("/decode", async (context) => {
    const image = new Uint8Array(await context.req.arrayBuffer());
    return context.json(timeDecoding(image, Number(context.req.query("runs"))));
  });
