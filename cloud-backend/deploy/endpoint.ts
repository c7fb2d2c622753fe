// The model, how it is hosted, and the endpoint. Model and configuration have no names of their own:
// SageMaker cannot change either, so a change makes new ones and moves the endpoint over, which goes
// back to the old ones when the new instances do not answer their pings.

import type { Role } from "aws-cdk-lib/aws-iam";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import { CfnEndpoint, CfnEndpointConfig, CfnModel } from "aws-cdk-lib/aws-sagemaker";
import type { Construct } from "constructs";
import type { DeployOptions } from "./options.ts";

/** The one variant, which gets all traffic. */
export const VARIANT = "main";

export interface EndpointParts {
  imageUri: string;
  role: Role;
  logGroup: ILogGroup;
}

export function createEndpoint(scope: Construct, options: DeployOptions, parts: EndpointParts): CfnEndpoint {
  const model = new CfnModel(scope, "Model", {
    executionRoleArn: parts.role.roleArn,
    enableNetworkIsolation: options.isNetworkIsolated,
    primaryContainer: {
      image: parts.imageUri,
      environment: options.environment,
      ...(options.modelDataUri === null ? {} : { modelDataUrl: options.modelDataUri }),
    },
  });
  model.node.addDependency(parts.role);
  const configuration = new CfnEndpointConfig(scope, "EndpointConfig", {
    productionVariants: [productionVariant(options, model)],
    ...(options.dataCapture === null ? {} : { dataCaptureConfig: dataCapture(options.dataCapture) }),
  });
  const made = new CfnEndpoint(scope, "Endpoint", {
    endpointName: options.name,
    endpointConfigName: configuration.attrEndpointConfigName,
    // A new image must not shrink what scaling has grown.
    retainAllVariantProperties: true,
    excludeRetainedVariantProperties: [{ variantPropertyType: "DataCaptureConfig" }],
  });
  made.node.addDependency(parts.logGroup);
  return made;
}

function productionVariant(options: DeployOptions, model: CfnModel): CfnEndpointConfig.ProductionVariantProperty {
  return {
    variantName: VARIANT,
    modelName: model.attrModelName,
    instanceType: options.instanceType,
    initialInstanceCount: options.scaling.instances,
    initialVariantWeight: 1,
    containerStartupHealthCheckTimeoutInSeconds: options.startupTimeoutSeconds,
    // Batches fill on the instance that has room; by chance they would on none.
    routingConfig: { routingStrategy: "LEAST_OUTSTANDING_REQUESTS" },
    ...(options.inferenceAmi === null ? {} : { inferenceAmiVersion: options.inferenceAmi }),
  };
}

function dataCapture({ percent, uri }: { percent: number; uri: string }): CfnEndpointConfig.DataCaptureConfigProperty {
  return {
    enableCapture: true,
    initialSamplingPercentage: percent,
    destinationS3Uri: uri,
    captureOptions: [{ captureMode: "Input" }, { captureMode: "Output" }],
  };
}
