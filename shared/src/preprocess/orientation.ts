// EXIF orientation: which stored pixel is shown where. Values 1 to 8 as in EXIF 2.32, tag 0x0112.

export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Orientations 5 to 8 turn the picture on its side. */
export function swapsAxes(orientation: Orientation): boolean {
  return orientation >= 5;
}

/**
 * The place in the stored picture of the pixel shown at column x, row y.
 *
 * @param width of the shown picture
 * @param height of the shown picture
 * @returns [column, row] in the stored picture
 */
export function storedPosition(
  orientation: Orientation,
  x: number,
  y: number,
  width: number,
  height: number,
): [number, number] {
  const right = width - 1 - x;
  const bottom = height - 1 - y;
  switch (orientation) {
    case 1:
      return [x, y];
    case 2:
      return [right, y];
    case 3:
      return [right, bottom];
    case 4:
      return [x, bottom];
    case 5:
      return [y, x];
    case 6:
      return [y, right];
    case 7:
      return [bottom, right];
    case 8:
      return [bottom, x];
  }
}
