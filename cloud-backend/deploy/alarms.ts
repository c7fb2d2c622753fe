// What somebody should look at. The error metrics hold a 0 or a 1 for each request, so their average is
// the share of requests; latencies are in microseconds; a quiet endpoint raises no alarm.
import { Duration } from "aws-cdk-lib";
import { Alarm, ComparisonOperator, Metric, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { VARIANT } from "./endpoint.ts";
import type { DeployOptions } from "./options.ts";

interface AlarmDescription {
  id: string;
  description: string;
  metric: string;
  statistic: string;
  threshold: number;
  /** Minutes in a row beyond the threshold. */
  minutes: number;
}

const MICROSECONDS = 1000;
/** SageMaker's own share of a request is tens of milliseconds; its payload and its own trouble add to it. */
const MAX_OVERHEAD_MS = 250;
/** A few bad requests are their sender's; this many are a Worker and an endpoint that no longer fit together. */
const MAX_REFUSED_PERCENT = 5;
/** Above the target by this factor, scaling has not kept up: it is at its maximum, or has no instances to get. */
const BACKLOG_FACTOR = 2;

export function createAlarms(scope: Construct, { name, alarms: options, scaling }: DeployOptions): Alarm[] {
  const topic = options.topicArn === null ? null : Topic.fromTopicArn(scope, "AlarmTopic", options.topicArn);
  return descriptions(options, scaling).map(({ id, description, metric, statistic, threshold, minutes }) => {
    const alarm = new Alarm(scope, `${id}Alarm`, {
      alarmName: `${name}-${id.replace(/(?<=[a-z])(?=[A-Z0-9])/g, "-").toLowerCase()}`,
      alarmDescription: `${name}: ${description}`,
      metric: new Metric({
        namespace: "AWS/SageMaker",
        metricName: metric,
        dimensionsMap: { EndpointName: name, VariantName: VARIANT },
        statistic,
        period: Duration.minutes(1),
      }),
      threshold,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: minutes,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    if (topic !== null) {
      alarm.addAlarmAction(new SnsAction(topic));
      alarm.addOkAction(new SnsAction(topic));
    }
    return alarm;
  });
}

function descriptions(options: DeployOptions["alarms"], scaling: DeployOptions["scaling"]): AlarmDescription[] {
  const { maxErrorPercent, maxLatencyMs } = options;
  return [
    {
      id: "ServerErrors",
      description: `more than ${maxErrorPercent} % of requests failed in the container or were refused by it (5xx)`,
      metric: "Invocation5XXErrors",
      statistic: "Average",
      threshold: maxErrorPercent / 100,
      minutes: 5,
    },
    {
      id: "ModelErrors",
      description: `more than ${maxErrorPercent} % of requests got no answer of the container's, or none but an error`,
      metric: "InvocationModelErrors",
      statistic: "Average",
      threshold: maxErrorPercent / 100,
      minutes: 5,
    },
    {
      id: "ClientErrors",
      description: `more than ${MAX_REFUSED_PERCENT} % of requests were not what the endpoint takes, or throttled (4xx)`,
      metric: "Invocation4XXErrors",
      statistic: "Average",
      threshold: MAX_REFUSED_PERCENT / 100,
      minutes: 5,
    },
    {
      id: "ModelLatency",
      description: `one request in a hundred took the container more than ${maxLatencyMs} ms`,
      metric: "ModelLatency",
      statistic: "p99",
      threshold: maxLatencyMs * MICROSECONDS,
      minutes: 5,
    },
    {
      id: "OverheadLatency",
      description: `SageMaker added more than ${MAX_OVERHEAD_MS} ms to one request in a hundred`,
      metric: "OverheadLatency",
      statistic: "p99",
      threshold: MAX_OVERHEAD_MS * MICROSECONDS,
      minutes: 10,
    },
    {
      id: "Backlog",
      description: "scaling has not kept up with the requests in flight",
      metric: "ConcurrentRequestsPerModel",
      statistic: "Average",
      threshold: BACKLOG_FACTOR * scaling.targetConcurrency,
      minutes: 10,
    },
  ];
}
