// The entry of a thread that decodes frames, one at a time. It knows one tail, and the decoder never throws.
import { parentPort, workerData } from "node:worker_threads";
import { decodeFrame, type ExpectedFeatures } from "@spillway/shared/split/frame";

const port = parentPort;
if (port === null) throw new TypeError("frame-worker: expected to run in a worker thread");

const expected: ExpectedFeatures = workerData;
port.on("message", (frame: Uint8Array) => port.postMessage(decodeFrame(frame, expected)));
