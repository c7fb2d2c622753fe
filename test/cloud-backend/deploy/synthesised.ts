// The stack as CloudFormation gets it, made offline: a given image needs no Docker, and no account.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { App } from "aws-cdk-lib";
import { Template } from "aws-cdk-lib/assertions";
import { afterAll } from "vitest";
import { readOptions } from "../../../cloud-backend/deploy/options.ts";
import { BackendStack } from "../../../cloud-backend/deploy/stack.ts";

export const IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/spillway:1.2";

/** A folder that is gone after the file's tests. */
export function outputFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "spillway-deploy-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function synthesise(context: Record<string, unknown>, outdir: string): Template {
  const stack = new BackendStack(new App({ outdir, analyticsReporting: false }), "spillway", readOptions(context));
  return Template.fromStack(stack);
}
