// (b) Decoding and resizing JPEGs in workerd against sharp (libvips) doing both in Node on one thread.
import sharp from "sharp";
import { openModelFolder } from "../../models/src/model-folder.ts";
import { post, startBenchWorker } from "./bench-worker.ts";
import { interleave, markdownTable, milliseconds, summarise } from "./measure.ts";
import { jpegPicture } from "./pictures.ts";

const SIZES = [
  [224, 224],
  [640, 480],
  [1280, 960],
];
const ROUNDS = 20;
/** As many as the bench Worker averages over. */
const RUNS_A_SAMPLE = 25;

export async function benchDecoding() {
  const { preprocessing } = (await openModelFolder("models/cifar100")).manifest.edge;
  const { width: targetWidth, height: targetHeight } = preprocessing;
  sharp.concurrency(1);
  sharp.cache(false);
  const worker = await startBenchWorker();
  const results = [];
  try {
    for (const [width, height] of SIZES) {
      const image = await jpegPicture(width, height);
      const inWorkerd = { decode: [] as number[], resize: [] as number[] };
      const inNode: number[] = [];
      const workerdRound = async (keep: boolean) => {
        const times = await post<{ decode: number; resize: number }>(`${worker.url}/decode`, image);
        if (!keep) return;
        inWorkerd.decode.push(times.decode);
        inWorkerd.resize.push(times.resize);
      };
      const nodeRound = async (keep: boolean) => {
        const startMs = performance.now();
        for (let run = 0; run < RUNS_A_SAMPLE; run++) {
          await sharp(image).resize(targetWidth, targetHeight, { fit: "fill" }).raw().toBuffer();
        }
        if (keep) inNode.push((performance.now() - startMs) / RUNS_A_SAMPLE);
      };
      await interleave(3, [() => workerdRound(false), () => nodeRound(false)]);
      await interleave(ROUNDS, [() => workerdRound(true), () => nodeRound(true)]);
      const decode = summarise(inWorkerd.decode);
      const resize = summarise(inWorkerd.resize);
      const node = summarise(inNode);
      const ratio = (decode.median + resize.median) / node.median;
      results.push({ width, height, bytes: image.byteLength, decode, resize, sharp: node, ratio });
    }
  } finally {
    await worker.stop();
  }
  const table = markdownTable(
    ["JPEG", "bytes", "decode, ms", "resize and normalise, ms", "sharp, both, ms", "ratio"],
    results.map(({ width, height, bytes, decode, resize, sharp: baseline, ratio }) => [
      `${width} x ${height}`,
      bytes.toLocaleString("en"),
      milliseconds(decode),
      milliseconds(resize),
      milliseconds(baseline),
      `${ratio.toFixed(1)} x`,
    ]),
  );
  return { results, tables: { decoding: table } };
}
