// What differs between two configurations, field by field, as an operator reads it.

export interface Change {
  /** Keys joined by dots. */
  path: string;
  /** null where there was nothing. */
  old: unknown;
  new: unknown;
}

/** The fields in which two JSON documents differ, in the order of the new one; those it lacks come last. */
export function configChanges(before: unknown, after: unknown, path = ""): Change[] {
  if (!isBranch(before) || !isBranch(after)) {
    return isSame(before, after) ? [] : [{ path, old: before ?? null, new: after ?? null }];
  }
  const keys = new Set([...Object.keys(after), ...Object.keys(before)]);
  return [...keys].flatMap((key) => configChanges(before[key], after[key], path === "" ? key : `${path}.${key}`));
}

/** `path: old -> new`, one line a change. */
export function describeChanges(changes: readonly Change[]): string {
  return changes
    .map((change) => `${change.path}: ${JSON.stringify(change.old)} -> ${JSON.stringify(change.new)}\n`)
    .join("");
}

/** Lists are branches too: a changed threshold is named by its exit. */
function isBranch(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** A field that is missing and one that is null say the same. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a ?? null) === JSON.stringify(b ?? null);
}
