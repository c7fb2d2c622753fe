// The small JSON bodies by which models are loaded and unloaded.
import { describeIssues } from "@spillway/shared/schema/document";
import type { Context } from "hono";
import type { z } from "zod";
import { failure, failureResponse } from "../errors.ts";
import { MAX_CONTROL_BODY_BYTES } from "../limits.ts";
import { announcedBody, readBody } from "./request-body.ts";

const COMPRESSED = failure("unsupported-type", "Content-Encoding: expected none for so small a body");

/** @returns the message, an empty body being `{}`; or the refusal of one that is not what the schema says */
export async function readControlMessage<Schema extends z.ZodType>(
  c: Context,
  schema: Schema,
): Promise<{ message: z.infer<Schema> } | Response> {
  const announced = announcedBody(c, MAX_CONTROL_BODY_BYTES);
  if (announced instanceof Response) return announced;
  if (announced.coding !== null) return failureResponse(COMPRESSED, { "Accept-Encoding": "identity" });
  const body = await readBody(c, announced, null);
  if (!body.ok) return failureResponse(body);
  const value = parsed(body.value);
  if (value === undefined) return failureResponse(failure("bad-request", "body: expected JSON in UTF-8"));
  const checked = schema.safeParse(value);
  if (checked.success) return { message: checked.data };
  return failureResponse(failure("bad-request", describeIssues(checked.error)));
}

/** Undefined for what is no JSON. */
function parsed(body: Uint8Array): unknown {
  if (body.byteLength === 0) return {};
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
