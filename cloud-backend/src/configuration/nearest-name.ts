// The name that somebody may have meant.

/**
 * @param maxEdits letters that may be missing, too many or wrong
 * @returns the known name with the fewest, or null when none is that near; of several the first
 */
export function nearestName(name: string, known: readonly string[], maxEdits: number): string | null {
  let nearest: string | null = null;
  let fewest = maxEdits + 1;
  for (const candidate of known) {
    const edits = editDistance(name, candidate);
    if (edits < fewest) [nearest, fewest] = [candidate, edits];
  }
  return nearest;
}

/** Levenshtein's distance, row by row of his table. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[b.length];
}
