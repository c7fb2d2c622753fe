import { expect, it } from "vitest";
import { nearestName } from "../../../cloud-backend/src/configuration/nearest-name.ts";

const NAMES = ["port", "host", "model", "maxModels", "maxBatch"];

it.each([
  ["port", "port"],
  ["prot", "port"],
  ["por", "port"],
  ["ports", "port"],
  ["maxbatch", "maxBatch"],
  ["MaxBatch", "maxBatch"],
  ["models", "model"],
  ["pxxt", "port"],
  ["pxxx", null],
  ["", null],
  ["somethingElse", null],
])("%j may mean %j", (name, meant) => {
  expect(nearestName(name, NAMES, 2)).toBe(meant);
});

it("allows as many slips as it is told, and takes the first of several", () => {
  expect(nearestName("model", ["maxModels"], 3)).toBeNull();
  expect(nearestName("model", ["maxModels"], 4)).toBe("maxModels");
  expect(nearestName("aa", ["ab", "ac"], 1)).toBe("ab");
  expect(nearestName("x", [], 9)).toBeNull();
});
