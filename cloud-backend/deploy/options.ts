// All that can be chosen about a deployment, read from the CDK's context (`-c instanceType=g5.xlarge`)
// and checked before anything is made of it.
import { ContextReader } from "./context-reader.ts";

export interface DeployOptions {
  /** Of the endpoint, and the beginning of every other name. */
  name: string;
  /** In Amazon ECR; null builds the Dockerfile. */
  imageUri: string | null;
  /** User and group of the process, where the Dockerfile is built. */
  runAs: string;
  /** A .tar.gz of a model folder, or of a directory of versions; null serves the model within the image. */
  modelDataUri: string | null;
  instanceType: string;
  device: "cuda" | "cpu";
  /** The host's image, and with it the GPU's driver; null leaves AWS's default. */
  inferenceAmi: string | null;
  scaling: ScalingOptions;
  startupTimeoutSeconds: number;
  /** Whether the container may open no connection of its own. */
  isNetworkIsolated: boolean;
  /** Further variables of the backend. */
  environment: Record<string, string>;
  /** Share of requests and answers kept in S3; null keeps none. */
  dataCapture: { percent: number; uri: string } | null;
  /** Raised, it makes a new access key for the Worker; 0 makes none. */
  accessKeySerial: number;
  alarms: AlarmOptions;
}

export interface ScalingOptions {
  /** Instances at the start, and the floor of scaling in. */
  instances: number;
  maxInstances: number;
  /** Requests in flight for each instance that scaling aims at. */
  targetConcurrency: number;
  scaleOutCooldownSeconds: number;
  scaleInCooldownSeconds: number;
}

export interface AlarmOptions {
  /** An SNS topic to tell; null only shows alarms. */
  topicArn: string | null;
  maxLatencyMs: number;
  maxErrorPercent: number;
}

const NAME = /^[a-z0-9](-?[a-z0-9]){0,39}$/;
const IMAGE =
  /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\/[a-z0-9._/-]+(:[\w.-]{1,128}|@sha256:[0-9a-f]{64})$/;
const BUCKET = "s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]";
const MODEL_DATA = new RegExp(`^${BUCKET}/[^*?\\s]+\\.tar\\.gz$`);
const FOLDER = new RegExp(`^${BUCKET}(/[^*?\\s]*)?$`);
const INSTANCE = /^(ml\.)?[a-z][a-z0-9-]*\.[a-z0-9-]+$/;
const TOPIC = /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]+$/;
const VARIABLE = /^[A-Z][A-Z0-9_]*$/;

/** Driver 580: ONNX Runtime's CUDA libraries are of CUDA 13, and the driver that g4dn and g5 have by default is not. */
const GPU_AMI = "al2023-ami-sagemaker-inference-gpu-4-1";

/** What SageMaker takes, less what the image and we set ourselves. */
const MAX_VARIABLES = 90;

/** @throws OptionsError with one line that names every problem */
export function readOptions(context: Record<string, unknown>): DeployOptions {
  const reader = new ContextReader(context);
  // The endpoint's ARN is in lower case, and policies compare with case.
  const name = reader.text("name", NAME, "at most 40 lower-case letters, digits and single hyphens", "spillway");
  const image = "an image in Amazon ECR with its tag or digest";
  const instance = reader.text("instanceType", INSTANCE, "an instance type such as g4dn.xlarge", "g4dn.xlarge");
  const instanceType = instance.startsWith("ml.") ? instance : `ml.${instance}`;
  const device = /^ml\.[gp]\d/.test(instanceType) ? "cuda" : "cpu";
  const ami = reader.text("inferenceAmi", /^[a-z0-9-]+$/, "an AMI version of SageMaker, or default", null);
  const options: DeployOptions = {
    name,
    imageUri: reader.text("imageUri", IMAGE, image, null),
    runAs: reader.text("runAs", /^\d{1,9}:\d{1,9}$/, "numbers of user and group such as 10001:10001", "10001:10001"),
    modelDataUri: reader.text("modelDataUri", MODEL_DATA, "s3://BUCKET/KEY.tar.gz", null),
    instanceType,
    device,
    inferenceAmi: ami === "default" ? null : (ami ?? (device === "cuda" ? GPU_AMI : null)),
    scaling: readScaling(reader),
    startupTimeoutSeconds: reader.whole("startupTimeoutSeconds", 60, 3600, 600),
    isNetworkIsolated: reader.flag("networkIsolation", true),
    environment: readEnvironment(reader),
    dataCapture: readDataCapture(reader),
    accessKeySerial: reader.whole("accessKeySerial", 0, 1000, 1),
    alarms: {
      topicArn: reader.text("alarmTopicArn", TOPIC, "the ARN of an SNS topic", null),
      // What a Worker waits is 800 ms as shipped, its way to the endpoint included.
      maxLatencyMs: reader.whole("maxLatencyMs", 1, 60_000, 500),
      maxErrorPercent: reader.whole("maxErrorPercent", 1, 100, 1),
    },
  };
  reader.finish();
  return options;
}

function readScaling(reader: ContextReader): ScalingOptions {
  const instances = reader.whole("instances", 1, 100, 1);
  const maxInstances = reader.whole("maxInstances", 1, 100, Math.max(4, instances));
  if (maxInstances < instances) {
    reader.refuse("maxInstances", `expected at least instances, which is ${instances}; got ${maxInstances}`);
  }
  return {
    instances,
    maxInstances,
    // Half of what an instance takes in as shipped: another is on its way before one has to refuse.
    targetConcurrency: reader.whole("targetConcurrency", 1, 10_000, 32),
    scaleOutCooldownSeconds: reader.whole("scaleOutCooldownSeconds", 0, 3600, 60),
    scaleInCooldownSeconds: reader.whole("scaleInCooldownSeconds", 0, 3600, 300),
  };
}

function readEnvironment(reader: ContextReader): Record<string, string> {
  const entries = Object.entries(reader.object("environment"));
  if (entries.length > MAX_VARIABLES) reader.refuse("environment", `expected at most ${MAX_VARIABLES} variables`);
  for (const [name, value] of entries) {
    if (!VARIABLE.test(name)) reader.refuse("environment", `expected names such as SPILLWAY_MAX_BATCH, got "${name}"`);
    if (typeof value === "object") reader.refuse("environment", `${name}: expected text, got ${JSON.stringify(value)}`);
    // It would lie in the template in plain text, and AWS asks callers for more than a token.
    if (name === "SPILLWAY_TOKEN")
      reader.refuse("environment", "SPILLWAY_TOKEN is not for an endpoint behind SageMaker");
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

function readDataCapture(reader: ContextReader): DeployOptions["dataCapture"] {
  const percent = reader.whole("dataCapturePercent", 0, 100, 0);
  const uri = reader.text("dataCaptureUri", FOLDER, "s3://BUCKET/PREFIX", null);
  if (percent === 0) return null;
  if (uri === null) {
    reader.refuse("dataCaptureUri", "is needed where dataCapturePercent is above 0");
    return null;
  }
  return { percent, uri: uri.replace(/\/+$/, "") };
}
