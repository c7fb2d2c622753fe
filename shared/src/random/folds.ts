// Cross-validation: every row is judged by what was fitted without it.
import { mulberry32, shuffledIndices } from "./mulberry32.ts";

export const DEFAULT_FOLDS = 5;
/** Its own seed, so that the folds have nothing to do with the halves of a split. */
const FOLD_SEED = 20_261;

export interface Fold {
  /** Rising row numbers to fit on. */
  fitted: number[];
  /** Rising row numbers to judge on. */
  judged: number[];
}

/** Random folds of nearly equal size. @throws RangeError for fewer than two folds, or fewer rows than folds */
export function foldsOf(rows: number, folds = DEFAULT_FOLDS, seed = FOLD_SEED): Fold[] {
  if (!Number.isInteger(folds) || folds < 2 || folds > rows) {
    throw new RangeError(`folds: expected 2 to ${rows} (one row each), got ${folds}`);
  }
  const foldOf = new Uint32Array(rows);
  shuffledIndices(rows, mulberry32(seed)).forEach((row, rank) => {
    foldOf[row] = rank % folds;
  });
  return Array.from({ length: folds }, (_, fold) => ({
    fitted: rowsWhere(foldOf, (other) => other !== fold),
    judged: rowsWhere(foldOf, (other) => other === fold),
  }));
}

function rowsWhere(foldOf: Uint32Array, wanted: (fold: number) => boolean): number[] {
  const rows: number[] = [];
  foldOf.forEach((fold, row) => {
    if (wanted(fold)) rows.push(row);
  });
  return rows;
}
