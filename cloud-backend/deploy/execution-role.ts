// What SageMaker and the container may do on our behalf: pull this image, read this model, write these
// logs. Two actions know no resource: an ECR token, and metrics, which are held to their namespace.
import { Arn, ArnFormat, Stack } from "aws-cdk-lib";
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { ILogGroup } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import type { DeployOptions } from "./options.ts";

export interface ExecutionRoleOptions {
  repositoryArn: string;
  logGroup: ILogGroup;
  modelDataUri: DeployOptions["modelDataUri"];
  dataCapture: DeployOptions["dataCapture"];
}

export function createExecutionRole(scope: Construct, options: ExecutionRoleOptions): Role {
  const { repositoryArn, logGroup, modelDataUri, dataCapture } = options;
  const pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
  // Not the group itself: the stack makes it, and made again by SageMaker it would be kept for ever.
  const logs = ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"];
  const statements = [
    allow("ImageToken", ["ecr:GetAuthorizationToken"], "*"),
    allow("Image", pull, repositoryArn),
    allow("Logs", logs, logGroup.logGroupArn),
    new PolicyStatement({
      sid: "Metrics",
      actions: ["cloudwatch:PutMetricData"],
      resources: ["*"],
      conditions: { StringEquals: { "cloudwatch:namespace": "/aws/sagemaker/Endpoints" } },
    }),
  ];
  if (modelDataUri !== null) statements.push(allow("Model", ["s3:GetObject"], objectArn(scope, modelDataUri)));
  if (dataCapture !== null) {
    statements.push(allow("DataCapture", ["s3:PutObject"], objectArn(scope, `${dataCapture.uri}/*`)));
  }
  return new Role(scope, "ExecutionRole", {
    // On behalf of this account alone: SageMaker serves others too, and must not be talked into it by them.
    assumedBy: new ServicePrincipal("sagemaker.amazonaws.com", {
      conditions: { StringEquals: { "aws:SourceAccount": Stack.of(scope).account } },
    }),
    // In the role itself: the model must not be made before it may read its image.
    inlinePolicies: { Serve: new PolicyDocument({ statements }) },
  });
}

function allow(sid: string, actions: string[], resource: string): PolicyStatement {
  return new PolicyStatement({ sid, actions, resources: [resource] });
}

function objectArn(scope: Construct, uri: string): string {
  const resource = uri.slice("s3://".length);
  return Arn.format(
    { service: "s3", region: "", account: "", resource, arnFormat: ArnFormat.NO_RESOURCE_NAME },
    Stack.of(scope),
  );
}
