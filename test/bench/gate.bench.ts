// What a decision costs: of the gate over HTTP in workerd, of each policy alone, and of the simulator that runs the same
// code; and that no crowd and no restart makes a bucket grant more than it holds.

import { startBenchWorker } from "./bench-worker.ts";
import { DECISIONS_WANTED, grantsUnderRestarts } from "./gate/grants.ts";
import { LATENCY_CALLS, timeCalls } from "./gate/latency.ts";
import { markdownTable } from "./measure.ts";
import { timeDecisions } from "./policies/decision-cost.ts";
import { benchSimulator } from "./policies/simulator-speed.ts";

export async function benchGate() {
  const simulator = await benchSimulator();
  const decisions = timeDecisions();
  const worker = await startBenchWorker();
  try {
    const calls = await timeCalls(worker.url);
    const grants = await grantsUnderRestarts(worker.url);
    const { granted, limit, restarts, failed } = grants;
    if (granted > limit) throw new Error(`the bucket granted ${granted} tokens, of ${limit} at most`);
    const latency = markdownTable(
      ["call from the Worker", "median, ms", "p99, ms", "added to the bare call, median"],
      calls.map(({ name, median, p99, added }) => [
        name,
        median.toFixed(2),
        p99.toFixed(2),
        added === null ? "" : `${added.toFixed(2)} ms`,
      ]),
    );
    const safety = `${DECISIONS_WANTED.toLocaleString("en")} decisions on one bucket, 64 at a time, ${restarts} restarts of its object in between: ${granted} granted of ${limit.toFixed(1)} that rate and depth allow; ${failed} calls were cut off by a restart.`;
    return {
      results: { simulator: simulator.results, decisions, calls, grants },
      tables: {
        simulator: simulator.table,
        decision: markdownTable(
          ["policy", "microseconds a decision", "bytes of state"],
          decisions.map(({ policy, microseconds, stateBytes }) => [
            policy,
            microseconds.toFixed(2),
            String(stateBytes),
          ]),
        ),
        gate: `${LATENCY_CALLS} calls each, interleaved\n\n${latency}\n\n${safety}`,
      },
    };
  } finally {
    await worker.stop();
  }
}
