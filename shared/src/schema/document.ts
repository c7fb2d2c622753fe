// Reading a JSON document against its schema, with a failure that fits on one line.
import type { z } from "zod";

/** Problems that a message lists; the rest are counted. */
const MAX_ISSUES = 8;

/** A document from outside that is not what its schema says. */
export class DocumentError extends Error {
  override name = "DocumentError";
}

/**
 * @param name of the document, for the message: a path, a key
 * @throws DocumentError naming the wrong fields
 */
export function parseDocument<Schema extends z.ZodType>(schema: Schema, text: string, name: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new DocumentError(`${name}: expected JSON`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new DocumentError(`${name}: ${describeIssues(parsed.error)}`);
  return parsed.data;
}

/** The problems of a failed parse in one line, each with its path. */
export function describeIssues(error: z.ZodError): string {
  const issues = error.issues.flatMap(withoutUnions);
  const shown = issues
    .slice(0, MAX_ISSUES)
    .map((issue) => (issue.path.length > 0 ? `${issue.path.join(".")}: ${issue.message}` : issue.message));
  const hidden = issues.length - shown.length;
  if (hidden > 0) shown.push(`and ${hidden} more`);
  // Names in the document are its author's, and may hold line breaks.
  return shown.join("; ").replace(/[\p{Cc}\u2028\u2029]/gu, " ");
}

/** What is wrong with the alternative that the value comes closest to, instead of "matches none". */
function withoutUnions(issue: z.core.$ZodIssue): Pick<z.core.$ZodIssue, "path" | "message">[] {
  if (issue.code !== "invalid_union" || issue.errors.length === 0) return [issue];
  const closest = issue.errors.reduce((best, other) => (other.length < best.length ? other : best));
  return closest.flatMap(withoutUnions).map(({ path, message }) => ({ path: [...issue.path, ...path], message }));
}
