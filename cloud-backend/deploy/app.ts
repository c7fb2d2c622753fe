// The CDK app: `npx aws-cdk@2.1148.1 deploy -c instanceType=g5.xlarge` in this folder runs it.
import { App } from "aws-cdk-lib";
import { OptionsError } from "./context-reader.ts";
import { readOptions } from "./options.ts";
import { BackendStack } from "./stack.ts";

const app = new App();
try {
  const options = readOptions(app.node.getAllContext());
  // Without account and region: the command line's own are taken at deployment, and none to synthesise.
  new BackendStack(app, options.name, options);
} catch (error) {
  if (!(error instanceof OptionsError)) throw error;
  console.error(`deploy: ${error.message}`);
  process.exit(1);
}
