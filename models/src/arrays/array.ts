// Arrays of numbers as the tools hold them: a shape and one typed array in C order (last index fastest).

export interface NumericArray {
  shape: readonly number[];
  /** C order. Integers of any width come as int64. */
  data: Float32Array | Float64Array | BigInt64Array;
}

/** The shape as Python writes it: `()`, `(3,)`, `(3, 4)`. */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/**
 * Turns Fortran order (first index fastest) into C order, for any number of dimensions; 0 and 1
 * dimensions are the same in both, and come back as they are.
 *
 * @param data product of the shape long
 */
export function toRowMajor<T extends NumericArray["data"] | Int32Array | Uint8Array>(
  data: T,
  shape: readonly number[],
): T {
  if (shape.length < 2) return data;
  const steps = shape.map((_, axis) => shape.slice(0, axis).reduce((step, length) => step * length, 1));
  const rowMajor = data.slice() as T;
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    rowMajor[to] = data[from];
    // An odometer: the last index turns, and carries into the one before.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += steps[axis];
      index[axis] += 1;
      if (index[axis] < shape[axis]) break;
      from -= steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return rowMajor;
}
