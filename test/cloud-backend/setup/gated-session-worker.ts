// The entry of a gated inference thread, see gate.ts.
import { parentPort, workerData } from "node:worker_threads";

const state: Int32Array = workerData.gate;
// Registered before the real worker's listener, so it runs before it.
parentPort?.on("message", (job) => {
  if (job === "die") throw new Error("the thread was told to die");
  Atomics.add(state, 1, 1);
  Atomics.notify(state, 1);
  Atomics.wait(state, 0, 0);
});
await import("../../../cloud-backend/src/inference/session-worker.ts");
