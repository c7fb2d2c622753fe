import { Match, type Template } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { IMAGE, outputFolder, synthesise } from "./synthesised.ts";

const folder = outputFolder();
const given = (context: Record<string, unknown> = {}) => synthesise({ imageUri: IMAGE, ...context }, folder);
const template = given();

const properties = (type: string, from: Template = template) =>
  Object.values(from.findResources(type)).map((resource) => resource.Properties);

interface Statement {
  Sid?: string;
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

/** What the role and the user may do. */
function statements(from: Template): Statement[] {
  const roles = properties("AWS::IAM::Role", from).flatMap((role) => role.Policies ?? []);
  return [...roles, ...properties("AWS::IAM::Policy", from)].flatMap((policy) => policy.PolicyDocument.Statement);
}

describe("the stack", () => {
  it("holds these resources and no more", () => {
    const types = Object.values(template.toJSON().Resources as Record<string, { Type: string }>).map(
      ({ Type }) => Type,
    );
    expect(
      Object.fromEntries(
        Map.groupBy(types, (type) => type)
          .entries()
          .map(([type, { length }]) => [type, length]),
      ),
    ).toEqual({
      "AWS::Logs::LogGroup": 1,
      "AWS::IAM::Role": 1,
      "AWS::SageMaker::Model": 1,
      "AWS::SageMaker::EndpointConfig": 1,
      "AWS::SageMaker::Endpoint": 1,
      "AWS::ApplicationAutoScaling::ScalableTarget": 1,
      "AWS::ApplicationAutoScaling::ScalingPolicy": 1,
      "AWS::IAM::User": 1,
      "AWS::IAM::Policy": 1,
      "AWS::IAM::AccessKey": 1,
      "AWS::SecretsManager::Secret": 1,
      "AWS::CloudWatch::Alarm": 6,
    });
  });

  it("can be taken down: nothing outlives it but what AWS keeps by itself", () => {
    const kept = Object.values(template.toJSON().Resources as Record<string, { DeletionPolicy?: string }>);
    expect(kept.filter(({ DeletionPolicy }) => DeletionPolicy === "Retain")).toEqual([]);
  });

  it("marks what can be marked", () => {
    const marked = properties("AWS::SageMaker::Endpoint")[0].Tags;
    expect(marked).toEqual([
      { Key: "application", Value: "spillway" },
      { Key: "endpoint", Value: "spillway" },
    ]);
  });
});

describe("the endpoint", () => {
  it("runs the image in isolation, after its role is there", () => {
    template.hasResource("AWS::SageMaker::Model", {
      Properties: { EnableNetworkIsolation: true, PrimaryContainer: { Image: IMAGE, Environment: {} } },
      DependsOn: [Match.stringLikeRegexp("^ExecutionRole")],
    });
    expect(properties("AWS::SageMaker::Model")[0].PrimaryContainer).not.toHaveProperty("ModelDataUrl");
  });

  it("is one variant with a driver that the image's CUDA needs", () => {
    template.hasResourceProperties("AWS::SageMaker::EndpointConfig", {
      ProductionVariants: [
        {
          VariantName: "main",
          InstanceType: "ml.g4dn.xlarge",
          InferenceAmiVersion: "al2023-ami-sagemaker-inference-gpu-4-1",
          InitialInstanceCount: 1,
          ContainerStartupHealthCheckTimeoutInSeconds: 600,
          RoutingConfig: { RoutingStrategy: "LEAST_OUTSTANDING_REQUESTS" },
        },
      ],
      DataCaptureConfig: Match.absent(),
    });
    template.hasResource("AWS::SageMaker::Endpoint", {
      Properties: { EndpointName: "spillway", RetainAllVariantProperties: true },
      DependsOn: [Match.stringLikeRegexp("^Logs")],
    });
  });

  it("is what the options say", () => {
    const changed = given({
      name: "edge-eu",
      instanceType: "c7i.xlarge",
      instances: 2,
      startupTimeoutSeconds: 60,
      networkIsolation: false,
      modelDataUri: "s3://bucket/models/v7.tar.gz",
      environment: '{"SPILLWAY_MAX_BATCH":"8"}',
      dataCapturePercent: 5,
      dataCaptureUri: "s3://other/captured",
    });
    changed.hasResourceProperties("AWS::SageMaker::Model", {
      EnableNetworkIsolation: false,
      PrimaryContainer: { ModelDataUrl: "s3://bucket/models/v7.tar.gz", Environment: { SPILLWAY_MAX_BATCH: "8" } },
    });
    changed.hasResourceProperties("AWS::SageMaker::EndpointConfig", {
      ProductionVariants: [
        {
          InstanceType: "ml.c7i.xlarge",
          InferenceAmiVersion: Match.absent(),
          InitialInstanceCount: 2,
          ContainerStartupHealthCheckTimeoutInSeconds: 60,
        },
      ],
      DataCaptureConfig: { EnableCapture: true, InitialSamplingPercentage: 5, DestinationS3Uri: "s3://other/captured" },
    });
    changed.hasResourceProperties("AWS::SageMaker::Endpoint", { EndpointName: "edge-eu" });
    changed.hasResourceProperties("AWS::Logs::LogGroup", { LogGroupName: "/aws/sagemaker/Endpoints/edge-eu" });
    const arnOf = (name: string) => ({ "Fn::Join": ["", ["arn:", { Ref: "AWS::Partition" }, `:s3:::${name}`]] });
    expect(statements(changed).filter(({ Sid }) => Sid === "Model" || Sid === "DataCapture")).toEqual([
      { Sid: "Model", Effect: "Allow", Action: "s3:GetObject", Resource: arnOf("bucket/models/v7.tar.gz") },
      { Sid: "DataCapture", Effect: "Allow", Action: "s3:PutObject", Resource: arnOf("other/captured/*") },
    ]);
  });
});

describe("scaling", () => {
  it("follows the requests in flight between the floor and the maximum", () => {
    const changed = given({
      instances: 2,
      maxInstances: 6,
      targetConcurrency: 24,
      scaleOutCooldownSeconds: 30,
      scaleInCooldownSeconds: 900,
    });
    changed.hasResource("AWS::ApplicationAutoScaling::ScalableTarget", {
      Properties: {
        ServiceNamespace: "sagemaker",
        ScalableDimension: "sagemaker:variant:DesiredInstanceCount",
        ResourceId: "endpoint/spillway/variant/main",
        MinCapacity: 2,
        MaxCapacity: 6,
      },
      DependsOn: ["Endpoint"],
    });
    changed.hasResourceProperties("AWS::ApplicationAutoScaling::ScalingPolicy", {
      PolicyType: "TargetTrackingScaling",
      ScalingTargetId: { Ref: "ScalableTarget" },
      TargetTrackingScalingPolicyConfiguration: {
        TargetValue: 24,
        PredefinedMetricSpecification: {
          PredefinedMetricType: "SageMakerVariantConcurrentRequestsPerModelHighResolution",
        },
        ScaleOutCooldown: 30,
        ScaleInCooldown: 900,
        DisableScaleIn: Match.absent(),
      },
    });
  });

  it("is not there where there is nothing to choose", () => {
    const fixed = given({ instances: 3, maxInstances: 3 });
    expect(fixed.findResources("AWS::ApplicationAutoScaling::ScalableTarget")).toEqual({});
    expect(fixed.findResources("AWS::ApplicationAutoScaling::ScalingPolicy")).toEqual({});
  });
});

describe("permissions", () => {
  const all = given({
    modelDataUri: "s3://bucket/m.tar.gz",
    dataCapturePercent: 1,
    dataCaptureUri: "s3://bucket/captured",
  });

  it("name an action and a resource each, but where AWS knows no resource", () => {
    for (const { Effect, Action, Resource, Sid } of statements(all)) {
      expect(Effect).toBe("Allow");
      for (const action of [Action].flat()) expect(action).toMatch(/^[a-z0-9]+:[A-Z][A-Za-z]+$/);
      // Objects below one prefix; the Logs' ARN is the group's own, with its streams.
      if (Sid === "DataCapture") continue;
      if (Sid === "ImageToken" || Sid === "Metrics") expect(Resource).toBe("*");
      else expect(JSON.stringify(Resource)).not.toContain("*");
    }
    const open = statements(all).filter(({ Resource }) => Resource === "*");
    expect(open).toEqual([
      { Sid: "ImageToken", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
      {
        Sid: "Metrics",
        Effect: "Allow",
        Action: "cloudwatch:PutMetricData",
        Resource: "*",
        Condition: { StringEquals: { "cloudwatch:namespace": "/aws/sagemaker/Endpoints" } },
      },
    ]);
  });

  it("let SageMaker alone use the role, to pull this image and write these logs", () => {
    const [role] = properties("AWS::IAM::Role", all);
    expect(role.AssumeRolePolicyDocument.Statement).toEqual([
      {
        Action: "sts:AssumeRole",
        Effect: "Allow",
        Principal: { Service: "sagemaker.amazonaws.com" },
        Condition: { StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } } },
      },
    ]);
    expect(role).not.toHaveProperty("ManagedPolicyArns");
    const repository = ["arn:", { Ref: "AWS::Partition" }, ":ecr:eu-west-1:123456789012:repository/team/spillway"];
    const [group] = Object.keys(all.findResources("AWS::Logs::LogGroup"));
    expect(statements(all)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ Sid: "Image", Resource: { "Fn::Join": ["", repository] } }),
        {
          Sid: "Logs",
          Effect: "Allow",
          // No group: the stack's own is there before anything is written.
          Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
          Resource: { "Fn::GetAtt": [group, "Arn"] },
        },
      ]),
    );
  });

  it("let the Worker invoke this endpoint and do nothing else", () => {
    const [policy, ...others] = properties("AWS::IAM::Policy", all);
    expect(others).toEqual([]);
    expect(policy.PolicyDocument.Statement).toEqual([
      { Sid: "Invoke", Effect: "Allow", Action: "sagemaker:InvokeEndpoint", Resource: { Ref: "Endpoint" } },
    ]);
    const [user] = Object.keys(all.findResources("AWS::IAM::User"));
    expect(policy.Users).toEqual([{ Ref: user }]);
    const [worker] = properties("AWS::IAM::User", all);
    expect(Object.keys(worker)).toEqual(["Tags"]);
  });
});

describe("the Worker's key", () => {
  it("goes from AWS into a secret, named as the Worker's secrets are, and nowhere else", () => {
    const [key] = Object.keys(template.findResources("AWS::IAM::AccessKey"));
    const [secret] = properties("AWS::SecretsManager::Secret");
    expect(secret.SecretString).toEqual({
      "Fn::Join": [
        "",
        [
          '{"AWS_ACCESS_KEY_ID":"',
          { Ref: key },
          '","AWS_SECRET_ACCESS_KEY":"',
          { "Fn::GetAtt": [key, "SecretAccessKey"] },
          '"}',
        ],
      ],
    });
    const { Resources, ...rest } = template.toJSON();
    const uses = JSON.stringify(Resources).split('"SecretAccessKey"').length - 1;
    expect(uses).toBe(1);
    expect(JSON.stringify(rest)).not.toMatch(/SecretAccessKey|AccessKeyE/);
  });

  it("is replaced when its serial rises, and absent at 0", () => {
    expect(properties("AWS::IAM::AccessKey", given({ accessKeySerial: 7 }))).toEqual([
      expect.objectContaining({ Serial: 7 }),
    ]);
    const none = given({ accessKeySerial: 0 });
    expect(none.findResources("AWS::IAM::AccessKey")).toEqual({});
    expect(none.findResources("AWS::SecretsManager::Secret")).toEqual({});
    expect(Object.keys(none.findOutputs("*"))).toEqual(["EndpointName", "Region", "WorkerDeploy"]);
  });
});

describe("alarms", () => {
  const topic = "arn:aws:sns:us-east-1:123456789012:ops";
  const watched = given({
    name: "eu",
    maxErrorPercent: 2,
    maxLatencyMs: 300,
    targetConcurrency: 20,
    alarmTopicArn: topic,
  });

  it.each([
    // Shares of requests.
    ["server-errors", "Invocation5XXErrors", { Statistic: "Average", Threshold: 0.02, EvaluationPeriods: 5 }],
    ["model-errors", "InvocationModelErrors", { Statistic: "Average", Threshold: 0.02, EvaluationPeriods: 5 }],
    ["client-errors", "Invocation4XXErrors", { Statistic: "Average", Threshold: 0.05, EvaluationPeriods: 5 }],
    // Microseconds.
    ["model-latency", "ModelLatency", { ExtendedStatistic: "p99", Threshold: 300_000, EvaluationPeriods: 5 }],
    ["overhead-latency", "OverheadLatency", { ExtendedStatistic: "p99", Threshold: 250_000, EvaluationPeriods: 10 }],
    // Twice the target.
    ["backlog", "ConcurrentRequestsPerModel", { Statistic: "Average", Threshold: 40, EvaluationPeriods: 10 }],
  ])("watch %s", (name, MetricName, expected) => {
    watched.hasResourceProperties("AWS::CloudWatch::Alarm", {
      AlarmName: `eu-${name}`,
      Namespace: "AWS/SageMaker",
      MetricName,
      Dimensions: [
        { Name: "EndpointName", Value: "eu" },
        { Name: "VariantName", Value: "main" },
      ],
      Period: 60,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
      AlarmActions: [topic],
      OKActions: [topic],
      ...expected,
    });
  });

  it("tell nobody without a topic", () => {
    expect(
      properties("AWS::CloudWatch::Alarm").filter((alarm) => "AlarmActions" in alarm || "OKActions" in alarm),
    ).toEqual([]);
  });
});

describe("outputs", () => {
  it("are the commands that the Worker needs", () => {
    const [secret] = Object.keys(template.findResources("AWS::SecretsManager::Secret"));
    const region = { Ref: "AWS::Region" };
    const outputs = template.findOutputs("*");
    expect(Object.keys(outputs)).toEqual(["EndpointName", "Region", "WorkerDeploy", "SecretName", "WorkerSecrets"]);
    const text = (id: string) => {
      const value = outputs[id].Value;
      const parts: unknown[] = typeof value === "string" ? [value] : value["Fn::Join"][1];
      return parts
        .map((part) => (part === undefined || typeof part === "string" ? part : JSON.stringify(part)))
        .join("");
    };
    expect(outputs.Region.Value).toEqual(region);
    expect(outputs.EndpointName.Value).toBe("spillway");
    expect(text("WorkerDeploy")).toBe(
      `npx wrangler deploy --var CLOUD_CLIENT:sagemaker --var SAGEMAKER_ENDPOINT_NAME:spillway --var AWS_REGION:${JSON.stringify(region)}`,
    );
    expect(text("WorkerSecrets")).toMatch(
      /^aws secretsmanager get-secret-value --region \{"Ref":"AWS::Region"\} --secret-id .* --query SecretString --output text \| npx wrangler secret bulk$/,
    );
    expect(text("WorkerSecrets")).toContain(secret);
  });
});
