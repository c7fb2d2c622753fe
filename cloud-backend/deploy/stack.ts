// The GPU backend on Amazon SageMaker: an endpoint that scales, the user with which the Worker calls it,
// and alarms. Each part is a function of its own; this file is their order.
import { Aws, CfnOutput, RemovalPolicy, Stack, type StackProps, Tags } from "aws-cdk-lib";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { createAlarms } from "./alarms.ts";
import { chooseImage } from "./container-image.ts";
import { createEndpoint } from "./endpoint.ts";
import { createExecutionRole } from "./execution-role.ts";
import { createInvokeUser } from "./invoke-user.ts";
import type { DeployOptions } from "./options.ts";
import { scaleEndpoint } from "./scaling.ts";

export class BackendStack extends Stack {
  constructor(scope: Construct, id: string, options: DeployOptions, props: StackProps = {}) {
    super(scope, id, { description: "Spillway: the large model behind Amazon SageMaker", ...props });
    const image = chooseImage(this, options);
    // Where SageMaker would make it itself, to keep for ever.
    const logGroup = new LogGroup(this, "Logs", {
      logGroupName: `/aws/sagemaker/Endpoints/${options.name}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = createExecutionRole(this, { ...options, repositoryArn: image.repositoryArn, logGroup });
    const endpoint = createEndpoint(this, options, { imageUri: image.uri, role, logGroup });
    scaleEndpoint(this, options, endpoint);
    const secret = createInvokeUser(this, endpoint, options.accessKeySerial);
    createAlarms(this, options);
    this.#tell(options.name, secret);
    Tags.of(this).add("application", "spillway");
    Tags.of(this).add("endpoint", options.name);
  }

  /** All that the Worker needs, as commands to run in the repository's root. */
  #tell(name: string, secret: Secret | null): void {
    const output = (id: string, description: string, value: string) => new CfnOutput(this, id, { description, value });
    output("EndpointName", "The Worker's SAGEMAKER_ENDPOINT_NAME", name);
    output("Region", "The Worker's AWS_REGION", Aws.REGION);
    const variables = `--var CLOUD_CLIENT:sagemaker --var SAGEMAKER_ENDPOINT_NAME:${name} --var AWS_REGION:${Aws.REGION}`;
    output("WorkerDeploy", "Deploys a Worker that asks this endpoint", `npx wrangler deploy ${variables}`);
    if (secret === null) return;
    output("SecretName", "Where the Worker's key is kept", secret.secretName);
    const read = `aws secretsmanager get-secret-value --region ${Aws.REGION} --secret-id ${secret.secretArn}`;
    output(
      "WorkerSecrets",
      "Gives the Worker its key, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, without showing it",
      `${read} --query SecretString --output text | npx wrangler secret bulk`,
    );
  }
}
