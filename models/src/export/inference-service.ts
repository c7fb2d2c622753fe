// KServe's InferenceService for a Triton model repository: the cluster fetches it from storage and runs
// it with its own Triton runtime. https://kserve.github.io/website, serving.kserve.io/v1beta1

/** Of NVIDIA's images: one that runs what the current ONNX Runtime exports. */
export const TRITON_TAG = "26.06-py3";

export interface ServiceOptions {
  /** Of the model; the service's name begins with it. */
  model: string;
  /** Where the repository lies once it has been copied there. */
  storageUri: string;
  device: "cpu" | "gpu";
  minReplicas: number;
  maxReplicas: number;
  /** Requests in flight for each replica that the autoscaler aims at. */
  targetConcurrency: number;
}

/** Names of services are DNS labels, with room for what KServe appends. */
const LONGEST_NAME = 40;

export function serviceName(model: string): string {
  return `spillway-${model}`.slice(0, LONGEST_NAME).replace(/-+$/, "");
}

export function inferenceService(options: ServiceOptions): string {
  const gpu = options.device === "gpu" ? `\n          nvidia.com/gpu: "1"` : "";
  return `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ${serviceName(options.model)}
spec:
  predictor:
    minReplicas: ${options.minReplicas}
    maxReplicas: ${options.maxReplicas}
    # With Knative. A plain deployment scales by cpu or memory, or through KEDA.
    scaleMetric: concurrency
    scaleTarget: ${options.targetConcurrency}
    timeout: 60
    model:
      modelFormat:
        name: triton
        version: "2"
      runtime: kserve-tritonserver
      runtimeVersion: ${JSON.stringify(TRITON_TAG)}
      protocolVersion: v2
      storageUri: ${JSON.stringify(options.storageUri)}
      resources:
        requests:
          cpu: "2"
          memory: 4Gi${gpu}
        limits:
          cpu: "4"
          memory: 8Gi${gpu}
`;
}
