import { poolLogLinear } from "@spillway/shared/calibration/log-linear-pool";
import { fuse } from "@spillway/shared/offload/fusion";
import { expect, it } from "vitest";
import { expectClose } from "../close.ts";

const edge = [0.5, 0.3, 0.2];
const cloud = Float32Array.of(0.25, 0.75, 0);

it("is the weighted mean for an edge weight, and one of both at its ends", () => {
  expectClose(fuse(edge, cloud, { edgeWeight: 0.2 }), [0.3, 0.66, 0.04]);
  expect([...fuse(edge, cloud, { edgeWeight: 1 })]).toEqual(edge);
  expect([...fuse(edge, cloud, { edgeWeight: 0 })]).toEqual([...cloud]);
});

it("is the weighted product for powers, and one of both where the other's power is 0", () => {
  const fused = fuse(edge, cloud, { edgePower: 0.5, cloudPower: 1 });
  const products = [Math.sqrt(0.5) * 0.25, Math.sqrt(0.3) * 0.75, Math.sqrt(0.2) * 1e-12];
  const sum = products.reduce((a, b) => a + b);
  expectClose(
    fused,
    products.map((p) => p / sum),
  );
  expect(fused).toEqual(poolLogLinear([edge, cloud], [0.5, 1]));
  expectClose(fuse(edge, cloud, { edgePower: 1, cloudPower: 0 }), edge);
});

it.each([{ edgeWeight: 0.5 }, { edgePower: 1, cloudPower: 1 }])("refuses other classes: %o", (fusion) => {
  expect(() => fuse([0.5, 0.5], cloud, fusion)).toThrow(new RangeError("member 1: expected 2 classes, got 3"));
});
