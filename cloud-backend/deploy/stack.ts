// The GPU backend on Amazon SageMaker: an endpoint that scales, the user with which the Worker calls it,
// and alarms. Each part is a function of its own; this file is their order.
import { Aws, CfnOutput, RemovalPolicy, Stack, type StackProps, Tags } from "aws-cdk-lib";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Construct } from "constructs";
import { alarms } from "./alarms.ts";
import { containerImage } from "./container-image.ts";
import { endpoint } from "./endpoint.ts";
import { executionRole } from "./execution-role.ts";
import { invokeUser } from "./invoke-user.ts";
import type { DeployOptions } from "./options.ts";
import { scaling } from "./scaling.ts";

export class BackendStack extends Stack {
  constructor(scope: Construct, id: string, options: DeployOptions, props: StackProps = {}) {
    super(scope, id, { description: "Spillway: the large model behind Amazon SageMaker", ...props });
    const image = containerImage(this, options);
    // Where SageMaker would make it itself, to keep for ever.
    const logGroup = new LogGroup(this, "Logs", {
      logGroupName: `/aws/sagemaker/Endpoints/${options.name}`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = executionRole(this, { ...options, repositoryArn: image.repositoryArn, logGroup });
    const served = endpoint(this, options, { imageUri: image.uri, role, logGroup });
    scaling(this, options, served);
    const secret = invokeUser(this, served, options.accessKeySerial);
    alarms(this, options);
    this.#tell(options.name, secret?.secretName);
    Tags.of(this).add("application", "spillway");
    Tags.of(this).add("endpoint", options.name);
  }

  /** All that the Worker needs, as commands to run in the repository's root. */
  #tell(name: string, secretName: string | undefined): void {
    const output = (id: string, description: string, value: string) => new CfnOutput(this, id, { description, value });
    output("EndpointName", "The Worker's SAGEMAKER_ENDPOINT_NAME", name);
    output("Region", "The Worker's AWS_REGION", Aws.REGION);
    const variables = `--var CLOUD_CLIENT:sagemaker --var SAGEMAKER_ENDPOINT_NAME:${name} --var AWS_REGION:${Aws.REGION}`;
    output("WorkerDeploy", "Deploys a Worker that asks this endpoint", `npx wrangler deploy ${variables}`);
    if (secretName === undefined) return;
    output("SecretName", "Where the Worker's key is kept", secretName);
    const read = `aws secretsmanager get-secret-value --region ${Aws.REGION} --secret-id ${secretName} --query SecretString --output text`;
    output(
      "WorkerSecrets",
      "Gives the Worker its key, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, without showing it",
      `${read} | npx wrangler secret bulk`,
    );
  }
}
