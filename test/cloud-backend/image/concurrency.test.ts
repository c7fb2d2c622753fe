import { describe, expect, it } from "vitest";
import { limitConcurrency } from "../../../cloud-backend/src/image/concurrency.ts";

describe("limitConcurrency", () => {
  it("runs as many as allowed, the others in order as places come free, also after a failure", async () => {
    const limit = limitConcurrency(2);
    const started: number[] = [];
    const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>());
    const tasks = gates.map((gate, index) =>
      limit(async () => {
        started.push(index);
        await gate.promise;
        return index;
      }),
    );
    expect(started).toEqual([0, 1]);
    gates[1].reject(new Error("broken"));
    await expect(tasks[1]).rejects.toThrow("broken");
    expect(started).toEqual([0, 1, 2]);
    gates[0].resolve();
    expect(await tasks[0]).toBe(0);
    expect(started).toEqual([0, 1, 2, 3]);
    gates[2].resolve();
    gates[3].resolve();
    expect(await Promise.all([tasks[2], tasks[3]])).toEqual([2, 3]);
  });
});
