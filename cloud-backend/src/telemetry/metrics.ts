// Prometheus metrics, under Triton's names where Triton has one, so that its dashboards and alarms work
// here too. What a model did is read from its statistics when it is scraped: nothing is counted twice,
// and a version that is unloaded takes its series with it.
import { Counter, collectDefaultMetrics, Gauge, Histogram, type Metric, Registry } from "prom-client";
import type { Model } from "../inference/model.ts";
import type { Repository } from "../repository/repository.ts";
import { FAILURE_KINDS, type ModelStatistics } from "./model-statistics.ts";

export interface Metrics {
  /** @param route the pattern that matched, not the path: callers must not be able to make up series */
  requestAnswered(route: string, status: number, ms: number): void;
  readonly contentType: string;
  /** All metrics in Prometheus' text format. */
  text(): Promise<string>;
}

type Models = Pick<Repository, "models">;

const MODEL_LABELS = ["model", "version"] as const;
/** Upper bounds in seconds: from an answer without inference to the longest that SageMaker waits. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Upper bounds in rows: the sizes to which batches are padded by default. */
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

interface StatisticsCounter {
  name: string;
  help: string;
  read(statistics: ModelStatistics): number;
}

const COUNTERS: readonly StatisticsCounter[] = [
  {
    name: "nv_inference_request_success",
    help: "Number of successful inference requests",
    read: ({ success }) => success.count,
  },
  {
    name: "nv_inference_count",
    help: "Number of inferences performed: a request for a batch of n counts n",
    read: ({ inferenceCount }) => inferenceCount,
  },
  {
    name: "nv_inference_exec_count",
    help: "Number of runs of the graph: a batch of requests counts one",
    read: ({ executionCount }) => executionCount,
  },
  {
    name: "nv_inference_request_duration_us",
    help: "Cumulative duration of successful inference requests in microseconds",
    read: ({ success }) => microseconds(success.ns),
  },
  {
    name: "nv_inference_queue_duration_us",
    help: "Cumulative duration that requests waited for a run, in microseconds",
    read: ({ queue }) => microseconds(queue.ns),
  },
  {
    name: "nv_inference_compute_input_duration_us",
    help: "Cumulative duration of preparing inputs in microseconds, for each request that of its batch",
    read: ({ computeInput }) => microseconds(computeInput.ns),
  },
  {
    name: "nv_inference_compute_infer_duration_us",
    help: "Cumulative duration of running the graph in microseconds, for each request that of its batch",
    read: ({ computeInfer }) => microseconds(computeInfer.ns),
  },
  {
    name: "nv_inference_compute_output_duration_us",
    help: "Cumulative duration of handing out outputs in microseconds, for each request that of its batch",
    read: ({ computeOutput }) => microseconds(computeOutput.ns),
  },
];

export function createMetrics(repository: Models): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const counter of COUNTERS) statisticsCounter(counter, repository, registers);
  failureCounter(repository, registers);
  modelGauges(repository, registers);
  providerGauge(repository, registers);
  registry.registerMetric(batchSizes(repository));
  const durations = new Histogram({
    name: "spillway_http_request_duration_seconds",
    help: "Time from a request's headers to its answer in seconds",
    labelNames: ["route", "status"],
    buckets: DURATION_BUCKETS,
    registers,
  });
  return {
    requestAnswered: (route, status, ms) => durations.observe({ route, status }, ms / 1000),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}

function statisticsCounter({ name, help, read }: StatisticsCounter, repository: Models, registers: Registry[]): void {
  new Counter({
    name,
    help,
    labelNames: MODEL_LABELS,
    registers,
    collect() {
      this.reset();
      for (const model of repository.models()) this.inc(labelsOf(model), read(model.statistics));
    },
  });
}

function failureCounter(repository: Models, registers: Registry[]): void {
  new Counter({
    name: "nv_inference_request_failure",
    help: "Number of failed inference requests by reason",
    labelNames: [...MODEL_LABELS, "reason"] as const,
    registers,
    collect() {
      this.reset();
      for (const model of repository.models()) {
        for (const reason of FAILURE_KINDS) {
          this.inc({ ...labelsOf(model), reason }, model.statistics.failures[reason]);
        }
      }
    },
  });
}

function modelGauges(repository: Models, registers: Registry[]): void {
  const gauge = (name: string, help: string, read: (model: Model) => number) =>
    new Gauge({
      name,
      help,
      labelNames: MODEL_LABELS,
      registers,
      collect() {
        this.reset();
        for (const model of repository.models()) this.set(labelsOf(model), read(model));
      },
    });
  gauge(
    "nv_inference_pending_request_count",
    "Number of inference requests that wait for a run",
    (model) => model.waiting,
  );
  gauge(
    "spillway_accepted_requests",
    "Number of inference requests that are accepted and not yet answered",
    (model) => model.admission.requests,
  );
}

/** Where each model runs: a fallback to the CPU should not go unnoticed. */
function providerGauge(repository: Models, registers: Registry[]): void {
  new Gauge({
    name: "spillway_model_info",
    help: "1 for each model, with the execution provider that it runs on",
    labelNames: [...MODEL_LABELS, "provider"] as const,
    registers,
    collect() {
      this.reset();
      for (const model of repository.models()) this.set({ ...labelsOf(model), provider: model.provider }, 1);
    },
  });
}

/**
 * A histogram that is read like the counters. The library's own can only observe one batch after the
 * other; of a metric it asks no more than its name and these values.
 */
function batchSizes(repository: Models): Metric {
  const name = "spillway_batch_size";
  const help = "Rows in a run of the graph, without padding";
  const get = () => ({ name, help, type: "histogram", values: repository.models().flatMap(batchSizeValues) });
  return { name, get } as unknown as Metric;
}

function batchSizeValues(model: Model) {
  const labels = labelsOf(model);
  const sizes = Array.from(model.statistics.batches, ([rows, { computeInfer }]) => ({
    rows,
    runs: computeInfer.count,
  }));
  const runsUpTo = (bound: number) => sizes.reduce((sum, { rows, runs }) => (rows <= bound ? sum + runs : sum), 0);
  const total = runsUpTo(Number.POSITIVE_INFINITY);
  const buckets = [...BATCH_BUCKETS.map((le) => ({ le, value: runsUpTo(le) })), { le: "+Inf", value: total }];
  return [
    ...buckets.map(({ le, value }) => ({ metricName: "spillway_batch_size_bucket", labels: { le, ...labels }, value })),
    {
      metricName: "spillway_batch_size_sum",
      labels,
      value: sizes.reduce((sum, { rows, runs }) => sum + rows * runs, 0),
    },
    { metricName: "spillway_batch_size_count", labels, value: total },
  ];
}

function labelsOf({ name, version }: Model) {
  return { model: name, version };
}

/** Whole, as Triton has them. Rounded down, so that they never go down. */
function microseconds(ns: number): number {
  return Math.floor(ns / 1000);
}
