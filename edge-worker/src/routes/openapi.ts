// `GET /openapi.json`: the HTTP contract, its schemas taken from those that the code checks with.

import { configSchema, policyNameSchema } from "@spillway/shared/schema/config";
import { resultSchema } from "@spillway/shared/schema/result";
import {
  frameAnswerSchema,
  frameHeaderSchema,
  MAX_DEADLINE_MS,
  MAX_FRAME_ID_LENGTH,
  streamHelloSchema,
} from "@spillway/shared/schema/stream";
import { z } from "zod";
import { DEFAULT_TOP, MAX_TOP } from "../limits.ts";

const classifyParameters = [
  {
    name: "top",
    in: "query",
    description: "How many labels to list",
    schema: { type: "integer", minimum: 1, maximum: MAX_TOP, default: DEFAULT_TOP },
  },
  {
    name: "deadline_ms",
    in: "query",
    description: "Milliseconds in which an answer is wanted, by which `auto` and `tail` choose what to send",
    schema: { type: "integer", minimum: 1, maximum: MAX_DEADLINE_MS },
  },
];

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  reason: z.string(),
});

const effectiveConfigSchema = z.object({
  config: configSchema,
  version: z.string(),
  source: z.enum(["kv", "default", "last-good"]),
  error: z.string().nullable(),
  model: z.string(),
  /** What decides about offloads, and why it is not what the configuration names. */
  policy: z.object({
    configured: policyNameSchema,
    inForce: policyNameSchema,
    key: z.string().nullable(),
    error: z.string().nullable(),
  }),
});

const json = (name: string) => ({ "application/json": { schema: { $ref: `#/components/schemas/${name}` } } });
const problemResponse = (description: string) => ({
  description,
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
});
const binary = { schema: { type: "string", format: "binary" } };
const schemaOf = (schema: z.ZodType) => z.toJSONSchema(schema, { target: "draft-2020-12", io: "input" });

export const openApiDocument = () => ({
  openapi: "3.1.0",
  info: { title: "Spillway edge", version: "1", license: { name: "MIT", identifier: "MIT" } },
  paths: {
    "/v1/classify": {
      post: {
        summary: "Classify one image",
        parameters: classifyParameters,
        requestBody: {
          required: true,
          content: {
            "image/jpeg": binary,
            "image/png": binary,
            "image/webp": binary,
            "multipart/form-data": {
              schema: { type: "object", required: ["image"], properties: { image: binary.schema } },
            },
          },
        },
        responses: {
          200: { description: "The answer and what decided it", content: json("Result") },
          400: problemResponse("Not an image, a damaged one, or a bad query"),
          408: problemResponse("The body did not arrive in time"),
          413: problemResponse("Too many bytes or pixels"),
          415: problemResponse("A content type or kind of image that is not supported"),
          429: problemResponse("Too many requests; see Retry-After"),
          503: problemResponse("Not available"),
        },
      },
    },
    "/v1/stream": {
      get: {
        summary: "Classify the frames of a camera, over a WebSocket",
        description:
          "Binary messages are encoded images, each perhaps after a text message (FrameHeader). The server sends a StreamHello and then one FrameAnswer a frame, in the order of the frames.",
        parameters: [
          ...classifyParameters,
          {
            name: "stream",
            in: "query",
            description: "The stream to go on with",
            schema: { type: "string", format: "uuid" },
          },
          {
            name: "after",
            in: "query",
            description: "The last frame whose answer the client has",
            schema: { type: "string", minLength: 1, maxLength: MAX_FRAME_ID_LENGTH },
          },
        ],
        responses: {
          101: { description: "The WebSocket" },
          400: problemResponse("A bad query"),
          426: problemResponse("Not a WebSocket"),
          429: problemResponse("Too many requests; see Retry-After"),
        },
      },
    },
    "/v1/config": {
      get: {
        summary: "The configuration in force",
        responses: { 200: { description: "With its ETag", content: json("EffectiveConfig") } },
      },
      put: {
        summary: "Replace the configuration",
        security: [{ admin: [] }],
        parameters: [{ name: "If-Match", in: "header", required: true, schema: { type: "string" } }],
        requestBody: { required: true, content: json("Config") },
        responses: {
          200: { description: "In force", content: json("EffectiveConfig") },
          400: problemResponse("The configuration, or the calibration that it names, is refused, and why"),
          401: problemResponse("No valid token"),
          412: problemResponse("The configuration has changed meanwhile"),
          413: problemResponse("Too many bytes"),
          428: problemResponse("If-Match is missing"),
        },
      },
    },
    "/v1/models": { get: { summary: "The models that run here", responses: { 200: { description: "Models" } } } },
    "/healthz": { get: { summary: "Whether the Worker runs", responses: { 200: { description: "It does" } } } },
    "/readyz": {
      get: {
        summary: "Whether it can classify",
        responses: { 200: { description: "It can" }, 503: problemResponse("It cannot") },
      },
    },
  },
  components: {
    securitySchemes: { admin: { type: "http", scheme: "bearer" } },
    schemas: {
      Result: schemaOf(resultSchema),
      Config: schemaOf(configSchema),
      EffectiveConfig: schemaOf(effectiveConfigSchema),
      Problem: schemaOf(problemSchema),
      FrameHeader: schemaOf(frameHeaderSchema),
      StreamHello: schemaOf(streamHelloSchema),
      FrameAnswer: schemaOf(frameAnswerSchema),
    },
  },
});
