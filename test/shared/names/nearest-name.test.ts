import { nearestName } from "@spillway/shared/names/nearest-name";
import { expect, it } from "vitest";

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

it.each([
  ["kitten", ["mitten", "sitting"], "mitten"],
  ["aquarium fish", ["apple", "aquarium_fish", "baby"], "aquarium_fish"],
  ["bab", ["babe", "baby"], "babe"],
  ["", ["aa", "b"], "b"],
])("without a limit, %j in %j may mean %j", (name, known, meant) => {
  expect(nearestName(name, known)).toBe(meant);
});

it("allows as many slips as it is told, and takes the first of several", () => {
  expect(nearestName("model", ["maxModels"], 3)).toBeNull();
  expect(nearestName("model", ["maxModels"], 4)).toBe("maxModels");
  expect(nearestName("aa", ["ab", "ac"], 1)).toBe("ab");
  expect(nearestName("x", [], 9)).toBeNull();
});
