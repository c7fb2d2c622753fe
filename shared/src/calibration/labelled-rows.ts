// What every fit asks of its rows: as many numbers as rows x classes, labels among the classes, no NaN.

/**
 * @param name what the numbers are, for the message
 * @throws RangeError for no rows, a wrong count of numbers, a label out of range, or NaN
 */
export function checkLabelledRows(
  values: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  name = "logits",
): void {
  const rows = labels.length;
  if (rows === 0) throw new RangeError("labels: expected at least one row, got none");
  if (values.length !== rows * classes) {
    throw new RangeError(`${name}: expected ${rows} x ${classes} numbers, got ${values.length}`);
  }
  for (let row = 0; row < rows; row++) {
    const label = labels[row];
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new RangeError(`labels: expected an integer in [0, ${classes}) in row ${row}, got ${label}`);
    }
  }
  for (let index = 0; index < values.length; index++) {
    if (Number.isNaN(values[index])) {
      throw new RangeError(`${name}: expected numbers, got NaN in row ${Math.floor(index / classes)}`);
    }
  }
}
