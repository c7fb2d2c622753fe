// Instances follow the requests in flight. The metric is SageMaker's own, published every 10 s, and it
// counts what waits inside the container: a queue grows before latency shows it.
import { CfnScalableTarget, CfnScalingPolicy } from "aws-cdk-lib/aws-applicationautoscaling";
import type { CfnEndpoint } from "aws-cdk-lib/aws-sagemaker";
import type { Construct } from "constructs";
import { VARIANT } from "./endpoint.ts";
import type { DeployOptions } from "./options.ts";

/** Makes nothing where there is nothing to choose, so that a host's type can be changed (SageMaker refuses that while it scales). */
export function scaleEndpoint(
  scope: Construct,
  { name, scaling: options }: DeployOptions,
  endpoint: CfnEndpoint,
): void {
  if (options.maxInstances === options.instances) return;
  // The plain resource, as the CDK's own would add a role that SageMaker's scaling has no use for.
  const target = new CfnScalableTarget(scope, "ScalableTarget", {
    serviceNamespace: "sagemaker",
    scalableDimension: "sagemaker:variant:DesiredInstanceCount",
    resourceId: `endpoint/${name}/variant/${VARIANT}`,
    minCapacity: options.instances,
    maxCapacity: options.maxInstances,
  });
  target.node.addDependency(endpoint);
  new CfnScalingPolicy(scope, "ScalingPolicy", {
    policyName: `${name}-concurrency`,
    policyType: "TargetTrackingScaling",
    scalingTargetId: target.ref,
    targetTrackingScalingPolicyConfiguration: {
      targetValue: options.targetConcurrency,
      predefinedMetricSpecification: {
        predefinedMetricType: "SageMakerVariantConcurrentRequestsPerModelHighResolution",
      },
      scaleOutCooldown: options.scaleOutCooldownSeconds,
      scaleInCooldown: options.scaleInCooldownSeconds,
    },
  });
}
