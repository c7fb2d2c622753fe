// An entry: decodes frames as frame-worker.ts does, but dies over those of one byte, and over those of two it
// waits until it is ended.
import { parentPort, workerData } from "node:worker_threads";
import { decodeFrame } from "@spillway/shared/split/frame";

parentPort?.on("message", (frame: Uint8Array) => {
  if (frame.length === 1) throw new Error("one byte");
  if (frame.length === 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  parentPort?.postMessage(decodeFrame(frame, workerData));
});
