// The image that SageMaker runs: one that lies in ECR already, or the Dockerfile beside this file, built
// by `cdk deploy` and put into the repository that `cdk bootstrap` made. Synthesising builds nothing.
import path from "node:path";
import { Aws } from "aws-cdk-lib";
import { DockerImageAsset, Platform } from "aws-cdk-lib/aws-ecr-assets";
import type { Construct } from "constructs";
import type { DeployOptions } from "./options.ts";

const REPOSITORY_ROOT = path.resolve(import.meta.dirname, "../..");
const DOCKERFILE = "cloud-backend/deploy/Dockerfile";

/** Instead of the Dockerfile's CUDA image, where there is no GPU. */
export const CPU_BASE = "ubuntu:24.04";

/** AWS's own processors, as in c7g or m6gd. */
const GRAVITON = /^ml\.[a-z]+\d+g/;

export interface ContainerImage {
  uri: string;
  /** What a role must be allowed to pull from. */
  repositoryArn: string;
}

export function chooseImage(scope: Construct, options: DeployOptions): ContainerImage {
  const { imageUri, instanceType, device, runAs } = options;
  if (imageUri !== null) return { uri: imageUri, repositoryArn: repositoryArnOf(imageUri) };
  const asset = new DockerImageAsset(scope, "Image", {
    directory: REPOSITORY_ROOT,
    file: DOCKERFILE,
    platform: GRAVITON.test(instanceType) ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64,
    buildArgs: { RUN_AS: runAs, ...(device === "cpu" ? { BASE: CPU_BASE, PROVIDERS: "cpu" } : {}) },
  });
  return { uri: asset.imageUri, repositoryArn: asset.repository.repositoryArn };
}

/** Of `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>`. */
function repositoryArnOf(imageUri: string): string {
  const slash = imageUri.indexOf("/");
  const [account, , , region] = imageUri.slice(0, slash).split(".");
  const repository = imageUri.slice(slash + 1).replace(/[:@].*$/, "");
  return `arn:${Aws.PARTITION}:ecr:${region}:${account}:repository/${repository}`;
}
