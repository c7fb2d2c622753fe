import { describe, expect, it } from "vitest";
import { configChanges, describeChanges } from "../../../models/src/publish/config-changes.ts";

const before = {
  version: "a",
  calibration: null,
  edge: { exits: [{ threshold: 0.9 }, { threshold: 0.8 }] },
  fuse: true,
};

describe("configChanges", () => {
  it("names each changed field by its path, lists by their index", () => {
    const after = { ...before, version: "b", edge: { exits: [{ threshold: 0.9 }, { threshold: 1 }] } };
    expect(configChanges(before, after)).toEqual([
      { path: "version", old: "a", new: "b" },
      { path: "edge.exits.1.threshold", old: 0.8, new: 1 },
    ]);
  });

  it("finds nothing between equals, however their keys are ordered", () => {
    const { version, ...rest } = structuredClone(before);
    expect(configChanges(before, { ...rest, version })).toEqual([]);
  });

  it("shows what came and what went as null, whole", () => {
    const { fuse: _fuse, ...without } = before;
    const exits = [...before.edge.exits, { threshold: 0.7 }];
    const after = { ...without, edge: { exits } };
    expect(configChanges(before, after)).toEqual([
      { path: "edge.exits.2", old: null, new: { threshold: 0.7 } },
      { path: "fuse", old: true, new: null },
    ]);
    expect(configChanges({}, { version: "a" })).toEqual([{ path: "version", old: null, new: "a" }]);
  });

  it("takes a missing field and null for the same", () => {
    const { calibration: _calibration, ...without } = before;
    expect(configChanges(without, before)).toEqual([]);
  });
});

it("describes a change a line, as JSON", () => {
  const changes = [
    { path: "a.0", old: 0.5, new: null },
    { path: "b", old: "x", new: [1] },
  ];
  expect(describeChanges(changes)).toBe('a.0: 0.5 -> null\nb: "x" -> [1]\n');
  expect(describeChanges([])).toBe("");
});
