// Rows of several requests become one tensor, and the rows of one tensor are given back to them.
import type { Tensor } from "@spillway/shared/protocol/tensor";

/**
 * Puts tensors of the same name, datatype and shape of a row one below the other, [sum of rows, ...],
 * and fills up with zeros. The one copy that a tensor's bytes undergo: its buffer is new, so it can
 * move to another thread, and the parts can be used again if it is lost there.
 *
 * @param rows of the result, at least the sum of the parts' rows
 */
export function joinRows(parts: readonly Tensor[], rows: number): Tensor {
  const [{ name, datatype, shape }] = parts;
  const rowBytes = parts[0].bytes.byteLength / shape[0];
  const bytes = new Uint8Array(rows * rowBytes);
  let at = 0;
  for (const part of parts) {
    bytes.set(part.bytes, at);
    at += part.bytes.byteLength;
  }
  return { name, datatype, shape: [rows, ...shape.slice(1)], bytes };
}

/** `count` rows from row `first` on, as a view. @throws RangeError when the tensor has fewer */
export function rowsOf({ name, datatype, shape, bytes }: Tensor, first: number, count: number): Tensor {
  const [rows, ...row] = shape;
  if (first + count > rows) throw new RangeError(`${name}: expected at least ${first + count} rows, got ${rows}`);
  const rowBytes = bytes.byteLength / rows;
  return {
    name,
    datatype,
    shape: [count, ...row],
    bytes: bytes.subarray(first * rowBytes, (first + count) * rowBytes),
  };
}
