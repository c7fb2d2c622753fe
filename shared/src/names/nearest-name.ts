// What somebody who mistyped a name most likely meant.

/**
 * The known name with the fewest insertions, deletions and replacements to `name`, regardless of case;
 * of several the first, and null when none is within `maxEdits`. Costs the product of the two lengths
 * for each known name (Levenshtein).
 */
export function nearestName(
  name: string,
  known: readonly string[],
  maxEdits = Number.POSITIVE_INFINITY,
): string | null {
  const wanted = name.toLowerCase();
  let nearest: string | null = null;
  let fewest = maxEdits + 1;
  for (const candidate of known) {
    const edits = editDistance(wanted, candidate.toLowerCase());
    if (edits < fewest) [nearest, fewest] = [candidate, edits];
  }
  return nearest;
}

/** Row by row: entry j is the distance of what was read of `a` to the first j of `b`. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j] + 1, row[j - 1] + 1));
    }
    above = row;
  }
  return above[b.length];
}
