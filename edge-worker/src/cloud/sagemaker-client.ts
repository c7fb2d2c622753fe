// Adapter for a SageMaker real-time endpoint whose container speaks v2 (ours, or Triton's image).
// SageMaker drops unknown headers, so the length of the JSON part travels in the content type, and what
// else is to be known of a request in the custom attributes.
import { InvokeEndpointCommand, SageMakerRuntimeClient } from "@aws-sdk/client-sagemaker-runtime";
import { sagemakerContentType, sagemakerHeaderBytes } from "@spillway/shared/protocol/content-type";
import { formatCustomAttributes } from "@spillway/shared/protocol/custom-attributes";
import { decodeResponse } from "@spillway/shared/protocol/message";
import { TIMEOUT_ATTRIBUTE } from "@spillway/shared/protocol/request-timeout";
import { MAX_REPLY_BYTES } from "../limits.ts";
import { type CloudClient, type CloudFailure, type CloudReply, failureOfStatus } from "./cloud-client.ts";
import { failureOfError } from "./failure-of-error.ts";

export interface SagemakerClientOptions {
  endpointName: string;
  region: string;
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** Another address than AWS's own, for local work. */
  endpoint?: string | undefined;
}

export function createSagemakerClient(options: SagemakerClientOptions): CloudClient {
  const client = new SageMakerRuntimeClient({
    region: options.region,
    credentials: options.credentials,
    // The Worker counts retries itself, against the caller's deadline.
    maxAttempts: 1,
    requestHandler: { requestInit: () => ({ redirect: "manual" }) },
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  });
  return {
    async infer({ model, message, timeoutMs, traceparent }, signal): Promise<CloudReply> {
      const contentType = sagemakerContentType(message.headerBytes);
      const timeout = timeoutMs === null ? {} : { [TIMEOUT_ATTRIBUTE]: String(timeoutMs) };
      const command = new InvokeEndpointCommand({
        EndpointName: options.endpointName,
        ContentType: contentType,
        Accept: contentType,
        CustomAttributes: formatCustomAttributes({ traceparent, model, ...timeout }),
        Body: message.body,
      });
      try {
        const output = await client.send(command, { abortSignal: signal });
        const body = output.Body === undefined ? new Uint8Array() : Uint8Array.from(output.Body);
        if (body.byteLength > MAX_REPLY_BYTES) {
          throw new RangeError(`reply: expected at most ${MAX_REPLY_BYTES} bytes, got ${body.byteLength}`);
        }
        return { ok: true, response: decodeResponse(body, sagemakerHeaderBytes(output.ContentType)) };
      } catch (error) {
        return failureOfService(error) ?? failureOfError(error, signal);
      }
    },
  };
}

interface ServiceError {
  name: string;
  message: string;
  OriginalStatusCode?: number;
  $metadata?: { httpStatusCode?: number };
}

/** SageMaker's own errors; null for anything else, such as a broken connection. */
function failureOfService(error: unknown): CloudFailure | null {
  const { name, message, OriginalStatusCode, $metadata } = error as ServiceError;
  const status = $metadata?.httpStatusCode;
  if (status === undefined) return null;
  const detail = `${name}: ${message}`;
  // 424 wraps what the container answered; throttling is an unmodelled 400.
  if (name === "ThrottlingException") return failureOfStatus(429, detail);
  // A 2xx that the SDK could not read is a broken reply, not a refusal.
  return failureOfStatus(status < 400 ? 500 : (OriginalStatusCode ?? status), detail);
}
