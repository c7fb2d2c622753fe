// A JSON document on disk, read against its schema. What is wrong with it is one line with its path.
import { readFile, stat } from "node:fs/promises";
import { DocumentError, parseDocument } from "@spillway/shared/schema/document";
import type { z } from "zod";
import { type StartupStep, success } from "./errors.ts";

/** @param maxBytes more are not read */
export async function readDocumentFile<Schema extends z.ZodType>(
  path: string,
  schema: Schema,
  maxBytes: number,
): Promise<StartupStep<z.infer<Schema>>> {
  try {
    const file = await stat(path);
    // A pipe would never end.
    if (!file.isFile()) return { ok: false, error: `${path}: expected a file` };
    if (file.size > maxBytes) {
      return { ok: false, error: `${path}: expected at most ${maxBytes} bytes, got ${file.size}` };
    }
    return success(parseDocument(schema, await readFile(path, "utf8"), path));
  } catch (error) {
    const { message } = error as Error;
    return { ok: false, error: error instanceof DocumentError ? message : `${path}: ${message}` };
  }
}
