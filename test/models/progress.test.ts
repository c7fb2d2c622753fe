// The progress line: a bar, the count, and the time left.
import { expect, test } from "vitest";
import { durationText, progressLine } from "../../models/src/progress.ts";

test.each([
  [0, 5, "images [....................] 0/200"],
  [9, 9, "images [....................] 9/200, 3 min 11 s left"],
  [10, 10, "images [#...................] 10/200, 3 min 10 s left"],
  [199, 100, "images [###################.] 199/200, 1 s left"],
  [200, 100, "images [####################] 200/200, 0 s left"],
])("%d of 200 after %d s", (done, seconds, expected) => {
  expect(progressLine("images", done, 200, seconds)).toBe(expected);
});

test.each([
  [0, "0 s"],
  [0.2, "1 s"],
  [59, "59 s"],
  [59.1, "1 min 0 s"],
  [3599, "59 min 59 s"],
  [3599.5, "1 h 0 min"],
  [7321, "2 h 2 min"],
])("%d s is %s", (seconds, expected) => {
  expect(durationText(seconds)).toBe(expected);
});
