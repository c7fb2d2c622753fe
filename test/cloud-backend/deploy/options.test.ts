import { describe, expect, it } from "vitest";
import { OptionsError } from "../../../cloud-backend/deploy/context-reader.ts";
import { readOptions } from "../../../cloud-backend/deploy/options.ts";

describe("readOptions", () => {
  it("needs nothing", () => {
    expect(readOptions({})).toEqual({
      name: "spillway",
      imageUri: null,
      runAs: "10001:10001",
      modelDataUri: null,
      instanceType: "ml.g4dn.xlarge",
      device: "cuda",
      inferenceAmi: "al2023-ami-sagemaker-inference-gpu-4-1",
      scaling: {
        instances: 1,
        maxInstances: 4,
        targetConcurrency: 32,
        scaleOutCooldownSeconds: 60,
        scaleInCooldownSeconds: 300,
      },
      startupTimeoutSeconds: 600,
      isNetworkIsolated: true,
      environment: {},
      dataCapture: null,
      accessKeySerial: 1,
      alarms: { topicArn: null, maxLatencyMs: 500, maxErrorPercent: 1 },
    });
  });

  it("reads what the command line gives as text, and what cdk.json gives as it is", () => {
    const environment = { SPILLWAY_MAX_BATCH: 16, SPILLWAY_X: "a b" };
    for (const form of [JSON.stringify(environment), environment]) {
      const options = readOptions({ instances: "5", maxLatencyMs: 60_000, networkIsolation: false, environment: form });
      expect(options.scaling).toMatchObject({ instances: 5, maxInstances: 5 });
      expect(options.alarms.maxLatencyMs).toBe(60_000);
      expect(options.isNetworkIsolated).toBe(false);
      expect(options.environment).toEqual({ SPILLWAY_MAX_BATCH: "16", SPILLWAY_X: "a b" });
    }
  });

  it("takes an empty value as not given, and leaves the CDK's own values alone", () => {
    const cdk = { "aws:cdk:enable-path-metadata": true, "@aws-cdk/core:x": true, "cli-telemetry": false };
    expect(readOptions({ ...cdk, imageUri: "", alarmTopicArn: null })).toEqual(readOptions({}));
  });

  it.each([
    ["g5.xlarge", "ml.g5.xlarge", "cuda"],
    ["ml.p4de.24xlarge", "ml.p4de.24xlarge", "cuda"],
    ["c7i.xlarge", "ml.c7i.xlarge", "cpu"],
    ["ml.m6g.large", "ml.m6g.large", "cpu"],
  ])("knows that %s has the device it has", (given, instanceType, device) => {
    const options = readOptions({ instanceType: given });
    expect(options).toMatchObject({ instanceType, device });
    expect(options.inferenceAmi === null).toBe(device === "cpu");
  });

  it("takes another AMI, or AWS's default", () => {
    expect(readOptions({ inferenceAmi: "al2-ami-sagemaker-inference-gpu-3-1" }).inferenceAmi).toMatch(/gpu-3-1$/);
    expect(readOptions({ inferenceAmi: "default" }).inferenceAmi).toBe(null);
  });

  it("keeps data only where that is asked for", () => {
    const dataCaptureUri = "s3://bucket/prefix/";
    expect(readOptions({ dataCaptureUri }).dataCapture).toBe(null);
    expect(readOptions({ dataCaptureUri, dataCapturePercent: "10" }).dataCapture).toEqual({
      percent: 10,
      uri: "s3://bucket/prefix",
    });
  });

  it.each([
    ["name", "a".repeat(40), "a".repeat(41)],
    ["name", "a-1", "a--1"],
    ["name", "spillway", "Spillway"],
    [
      "imageUri",
      "123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b:1.0",
      "123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b",
    ],
    ["imageUri", `123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/a@sha256:${"0".repeat(64)}`, "spillway:1"],
    ["modelDataUri", "s3://bucket/models/v1.tar.gz", "s3://bucket/models/"],
    ["modelDataUri", "s3://bucket/a.tar.gz", "s3://bucket/*.tar.gz"],
    ["instanceType", "g4dn.xlarge", "g4dn"],
    ["inferenceAmi", "al2-1", "AL2 1"],
    ["runAs", "0:0", "root"],
    ["instances", "1", "0"],
    ["instances", "100", "101"],
    ["maxInstances", "100", "101"],
    ["targetConcurrency", "10000", "10001"],
    ["targetConcurrency", "1", "0.5"],
    ["scaleOutCooldownSeconds", "0", "-1"],
    ["scaleInCooldownSeconds", "3600", "3601"],
    ["startupTimeoutSeconds", "60", "59"],
    ["startupTimeoutSeconds", "3600", "3601"],
    ["networkIsolation", "false", "no"],
    ["dataCapturePercent", "0", "101"],
    ["accessKeySerial", "0", "1001"],
    ["alarmTopicArn", "arn:aws:sns:us-east-1:123456789012:ops", "ops@example.com"],
    ["maxLatencyMs", "60000", "60001"],
    ["maxErrorPercent", "100", "0"],
    ["environment", '{"A":"1"}', '["A"]'],
    ["environment", '{"A":1}', '{"a":"1"}'],
    ["environment", "{}", '{"A":{}}'],
    ["environment", "{}", "{A:1}"],
    ["environment", "{}", '{"SPILLWAY_TOKEN":"secret"}'],
  ])("of %s takes %s and refuses %s", (name, good, bad) => {
    readOptions({ [name]: good });
    expect(() => readOptions({ [name]: bad })).toThrow(OptionsError);
    expect(() => readOptions({ [name]: bad })).toThrow(new RegExp(`^${name}: [^\\n]+$`));
  });

  it("names every problem at once, an option that does not exist included", () => {
    expect(() => readOptions({ instances: 3, maxInstances: 2, dataCapturePercent: 1, instanceTyp: "g5" })).toThrow(
      /^maxInstances: expected at least instances, which is 3; got 2; dataCaptureUri: is needed .*; instanceTyp: no such option/,
    );
  });

  it("bounds the variables", () => {
    const variables = (count: number) => ({
      environment: Object.fromEntries(Array.from({ length: count }, (_, i) => [`V${i}`, ""])),
    });
    expect(Object.keys(readOptions(variables(90)).environment)).toHaveLength(90);
    expect(() => readOptions(variables(91))).toThrow("environment: expected at most 90 variables");
  });
});
