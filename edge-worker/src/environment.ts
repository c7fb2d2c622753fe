// The Worker's variables and secrets, checked once an isolate. Bindings are wrangler's business.
import { describeIssues } from "@spillway/shared/schema/document";
import { z } from "zod";
import type { CloudClient } from "./cloud/cloud-client.ts";
import { createHttpClient } from "./cloud/http-client.ts";
import { createSagemakerClient } from "./cloud/sagemaker-client.ts";

const filled = z.string().min(1);
const httpUrl = z.url({ protocol: /^https?$/, error: "expected an http or https URL" });

const cloudSchema = z.discriminatedUnion("CLOUD_CLIENT", [
  z.object({ CLOUD_CLIENT: z.literal("http"), CLOUD_URL: httpUrl, CLOUD_TOKEN: filled.optional() }),
  z.object({
    CLOUD_CLIENT: z.literal("sagemaker"),
    SAGEMAKER_ENDPOINT_NAME: filled,
    AWS_REGION: filled,
    AWS_ACCESS_KEY_ID: filled,
    AWS_SECRET_ACCESS_KEY: filled,
    AWS_SESSION_TOKEN: filled.optional(),
    /** Another address than AWS's own, for local work. */
    SAGEMAKER_URL: httpUrl.optional(),
  }),
]);

const settingsSchema = z.object({
  /** Bearer token that may change the configuration; without it nobody may. */
  ADMIN_TOKEN: filled.optional(),
  /** Header that names the client whose bucket an offload spends. Trust only one that your edge sets. */
  CLIENT_KEY_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, "expected the name of a header")
    .default("cf-connecting-ip"),
});
export type Settings = z.infer<typeof settingsSchema>;

export interface Environment {
  settings: Settings;
  cloud: CloudClient;
}

/** @throws Error with one line naming every bad variable */
export function readEnvironment(variables: unknown): Environment {
  const settings = settingsSchema.safeParse(variables);
  const cloud = cloudSchema.safeParse(variables);
  const problems = [settings, cloud].flatMap((part) => (part.error === undefined ? [] : [describeIssues(part.error)]));
  if (!settings.success || !cloud.success) throw new Error(`environment: ${problems.join("; ")}`);
  return { settings: settings.data, cloud: cloudClient(cloud.data) };
}

function cloudClient(cloud: z.infer<typeof cloudSchema>): CloudClient {
  if (cloud.CLOUD_CLIENT === "http") return createHttpClient({ url: cloud.CLOUD_URL, token: cloud.CLOUD_TOKEN });
  return createSagemakerClient({
    endpointName: cloud.SAGEMAKER_ENDPOINT_NAME,
    region: cloud.AWS_REGION,
    credentials: {
      accessKeyId: cloud.AWS_ACCESS_KEY_ID,
      secretAccessKey: cloud.AWS_SECRET_ACCESS_KEY,
      ...(cloud.AWS_SESSION_TOKEN === undefined ? {} : { sessionToken: cloud.AWS_SESSION_TOKEN }),
    },
    endpoint: cloud.SAGEMAKER_URL,
  });
}
