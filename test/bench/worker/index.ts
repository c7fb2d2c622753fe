// Times the Worker's own parts inside workerd, where only a Worker can. Local workerd lets the clock
// run while code computes, in steps of a millisecond, so a sample is the mean of many repetitions;
// production stops the clock, so these numbers cannot be taken there.
import { resizeImage, tensorOfImage } from "@spillway/shared/preprocess/image-tensor";
import { Hono } from "hono";
import { modelBundle } from "../../../edge-worker/generated/model.ts";
import { withDecodedImage } from "../../../edge-worker/src/image/decode.ts";
import { readImageHeader } from "../../../edge-worker/src/image/header.ts";
import { createEdgeModel } from "../../../edge-worker/src/inference/edge-model.ts";
import { BareObject, type BenchEnv, BenchGate, callOnce, decideOnce, restartWanted } from "./gates.ts";

export { BareObject, BenchGate };

const { edge } = modelBundle.manifest;
const model = createEdgeModel(modelBundle);

const REPETITIONS = 25;

/** Milliseconds of one run of each stage, [stage]: the mean of REPETITIONS. */
async function timeStages(): Promise<number[]> {
  const { width, height } = edge.preprocessing;
  const data = Float64Array.from({ length: width * height * 3 }, (_, index) => (index * 37) % 256);
  let input = model.imageInput(tensorOfImage({ data, width, height }, edge.preprocessing, edge.input));
  const times: number[] = [];
  for (const stage of edge.stages.keys()) {
    const startMs = performance.now();
    for (let k = 1; k < REPETITIONS; k++) await model.runStage(stage, input);
    const { features } = await model.runStage(stage, input);
    times.push((performance.now() - startMs) / REPETITIONS);
    if (features !== null) input = features;
  }
  return times;
}

/** Milliseconds of decoding and of resizing one picture: the means of REPETITIONS. */
function timeDecoding(image: Uint8Array) {
  const header = readImageHeader(image);
  if ("reason" in header) throw new Error(header.detail);
  const decodeStartMs = performance.now();
  for (let k = 0; k < REPETITIONS; k++) withDecodedImage(image, header, () => null);
  const decode = (performance.now() - decodeStartMs) / REPETITIONS;
  const resize = withDecodedImage(image, header, (pixels) => {
    const startMs = performance.now();
    for (let k = 0; k < REPETITIONS; k++) {
      tensorOfImage(resizeImage(pixels, header.orientation, edge.preprocessing), edge.preprocessing, edge.input);
    }
    return (performance.now() - startMs) / REPETITIONS;
  });
  return { decode, resize };
}

export default new Hono<{ Bindings: BenchEnv }>()
  .post("/stages", async (context) => context.json(await timeStages()))
  .post("/decode", async (context) => context.json(timeDecoding(new Uint8Array(await context.req.arrayBuffer()))))
  .post("/policy/:key", async (context) => {
    await context.env.CONFIG.put(context.req.param("key"), await context.req.text());
    return context.json(modelBundle.hash);
  })
  .post("/call/:name/:key", async (context) => {
    const { name, key } = context.req.param();
    return context.json((await callOnce(context.env, name, key)) ?? null);
  })
  .post("/decide", async (context) => context.json(await decideOnce(context.env, await context.req.json())))
  .post("/restart", async (context) => {
    await restartWanted(context.env).catch(() => undefined);
    return context.json(null);
  });
