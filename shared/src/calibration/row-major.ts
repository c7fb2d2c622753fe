// Tables of numbers [rows, columns] in one array, row after row.

export type Values = Float32Array | Float64Array;

/** One row, as a view. */
export function rowOf<Kind extends Values>(values: Kind, row: number, columns: number): Kind {
  return values.subarray(row * columns, (row + 1) * columns) as Kind;
}

/** Some of the rows, copied, in the order given. @throws RangeError for a row that the table does not have */
export function takeRows<Kind extends Values>(values: Kind, rows: ArrayLike<number>, columns: number): Kind {
  const taken = new (values.constructor as new (length: number) => Kind)(rows.length * columns);
  const count = Math.floor(values.length / columns);
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    if (!Number.isInteger(row) || row < 0 || row >= count) {
      throw new RangeError(`rows: expected whole numbers from 0 to ${count - 1}, got ${row}`);
    }
    taken.set(rowOf(values, row, columns), index * columns);
  }
  return taken;
}

/** Of each row the value in the column of its label, float64 [rows]. */
export function ofTruth(values: Values, labels: ArrayLike<number>, classes: number): Float64Array {
  return Float64Array.from({ length: labels.length }, (_, row) => values[row * classes + labels[row]]);
}
