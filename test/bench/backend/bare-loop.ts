// What the session alone can do: full batches one after the other, in a process of its own, on as
// many threads as the backend gives it. `node bare-loop.ts GRAPH ROWS SECONDS` prints JSON.
import { InferenceSession, Tensor } from "onnxruntime-node";

const [graph, rowsText, secondsText] = process.argv.slice(2);
const [rows, seconds] = [Number(rowsText), Number(secondsText)];
const session = await InferenceSession.create(graph, { intraOpNumThreads: 1 });
const image = new Tensor(
  "uint8",
  Uint8Array.from({ length: rows * 3072 }, (_, index) => (index * 37) % 256),
  [rows, 32, 32, 3],
);
for (let k = 0; k < 3; k++) await session.run({ image });
const times: number[] = [];
const startMs = performance.now();
while (performance.now() - startMs < seconds * 1000) {
  const runMs = performance.now();
  await session.run({ image });
  times.push(performance.now() - runMs);
}
const imagesASecond = (times.length * rows * 1000) / (performance.now() - startMs);
const batchMs = times.sort((a, b) => a - b)[times.length >> 1];
process.stdout.write(JSON.stringify({ imagesASecond, batchMs }));
