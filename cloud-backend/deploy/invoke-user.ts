// Who the Worker is to AWS: a user that may invoke this endpoint and nothing else. Cloudflare has no
// identity that AWS could trust by itself, so it needs a key; the key goes from AWS to Secrets Manager
// without passing a screen, a log or the template.
import { SecretValue } from "aws-cdk-lib";
import { AccessKey, Policy, PolicyStatement, User } from "aws-cdk-lib/aws-iam";
import type { CfnEndpoint } from "aws-cdk-lib/aws-sagemaker";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";

/** @returns the secret, whose fields are named as the Worker's secrets; null when no key is wanted */
export function createInvokeUser(scope: Construct, endpoint: CfnEndpoint, accessKeySerial: number): Secret | null {
  const user = new User(scope, "InvokeUser");
  new Policy(scope, "InvokePolicy", {
    users: [user],
    // The reference of an endpoint is its ARN.
    statements: [
      new PolicyStatement({ sid: "Invoke", actions: ["sagemaker:InvokeEndpoint"], resources: [endpoint.ref] }),
    ],
  });
  if (accessKeySerial === 0) return null;
  const key = new AccessKey(scope, "AccessKey", { user, serial: accessKeySerial });
  return new Secret(scope, "WorkerKey", {
    description: "The key with which the edge Worker invokes its SageMaker endpoint",
    secretObjectValue: {
      AWS_ACCESS_KEY_ID: SecretValue.resourceAttribute(key.accessKeyId),
      AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
    },
  });
}
