// Tables of numbers [rows, columns] in one array, row after row.

export type Values = Float32Array | Float64Array;

/** One row, as a view. */
export function rowOf<Kind extends Values>(values: Kind, row: number, columns: number): Kind {
  return values.subarray(row * columns, (row + 1) * columns) as Kind;
}

/** Some of the rows, copied, in the order given. */
export function takeRows<Kind extends Values>(values: Kind, rows: ArrayLike<number>, columns: number): Kind {
  const taken = new (values.constructor as new (length: number) => Kind)(rows.length * columns);
  for (let index = 0; index < rows.length; index++) taken.set(rowOf(values, rows[index], columns), index * columns);
  return taken;
}
