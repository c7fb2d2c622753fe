// What models have done, in the form of Triton's statistics extension. There is no response cache and no
// model of several responses, so what Triton tells of those is empty.
import type { Model } from "../inference/model.ts";
import type { BatchStatistics } from "../telemetry/model-statistics.ts";

const NEVER = { count: 0, ns: 0 };

export function statisticsReport(models: readonly Model[]) {
  return { model_stats: models.map(modelReport) };
}

function modelReport({ name, version, statistics }: Model) {
  return {
    name,
    version,
    last_inference: statistics.lastInferenceMs,
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: statistics.success,
      fail: statistics.fail,
      queue: statistics.queue,
      compute_input: statistics.computeInput,
      compute_infer: statistics.computeInfer,
      compute_output: statistics.computeOutput,
      cache_hit: NEVER,
      cache_miss: NEVER,
    },
    response_stats: {},
    batch_stats: [...statistics.batches].sort(([rows], [others]) => rows - others).map(batchReport),
    memory_usage: [],
  };
}

function batchReport([rows, batch]: [number, BatchStatistics]) {
  return {
    batch_size: rows,
    compute_input: batch.computeInput,
    compute_infer: batch.computeInfer,
    compute_output: batch.computeOutput,
  };
}
