// Folder names become class indices, or an error that says what was meant.
import { describe, expect, it } from "vitest";
import { classIndices } from "../../../models/src/images/class-names.ts";

const LABELS = ["apple", "aquarium_fish", "baby"];

describe("classIndices", () => {
  it("takes exact labels, in any order and not all of them", () => {
    expect([...classIndices(["baby", "apple"], LABELS, "data")]).toEqual([
      ["baby", 2],
      ["apple", 0],
    ]);
  });

  it("takes class indices when all names are numbers, with or without leading zeros", () => {
    expect([...classIndices(["000", "2"], LABELS, "data").values()]).toEqual([0, 2]);
  });

  it("takes numbers for labels where they are labels", () => {
    expect(classIndices(["1", "0"], ["1", "0"], "data").get("1")).toBe(0);
  });

  it("takes one past the last index for no class", () => {
    expect(() => classIndices(["0", "3"], LABELS, "data")).toThrow("data/3: expected a class index from 0 to 2, got 3");
  });

  it.each([["Apple"], ["aple"], ["apple "]])('suggests "apple" for "%s"', (name) => {
    expect(() => classIndices(["baby", name], LABELS, "data")).toThrow(
      `data/${name}: expected a folder named as a class of the model; did you mean "apple"?`,
    );
  });

  it("takes a number among labels for a mistake", () => {
    expect(() => classIndices(["baby", "0"], LABELS, "data")).toThrow("data/0: expected a folder named as a class");
  });

  it("refuses a name that two classes have, as ImageNet's crane, but takes their indices", () => {
    const labels = ["crane", "heron", "crane"];
    expect(() => classIndices(["crane"], labels, "data")).toThrow("data/crane: classes 0 and 2 are both labelled so");
    expect([...classIndices(["0", "2"], labels, "data").values()]).toEqual([0, 2]);
    expect(classIndices(["heron"], labels, "data").get("heron")).toBe(1);
  });
});
