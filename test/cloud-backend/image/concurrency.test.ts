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

  it("gives a task its turn at once when its signal fires while it waits, and nobody's place with it", async () => {
    const limit = limitConcurrency(1);
    const gates = [0, 1].map(() => Promise.withResolvers<void>());
    const started: string[] = [];
    const first = limit(() => gates[0].promise);
    const leaving = new AbortController();
    const impatient = limit(async () => void started.push("impatient"), leaving.signal);
    const patient = limit(async () => {
      started.push("patient");
      await gates[1].promise;
    }, new AbortController().signal);
    leaving.abort();
    await impatient;
    expect(started).toEqual(["impatient"]);
    gates[0].resolve();
    await first;
    const last = limit(async () => void started.push("last"), AbortSignal.abort());
    await last;
    expect(started).toEqual(["impatient", "patient", "last"]);
    gates[1].resolve();
    await patient;
    expect(await limit(async () => "free again")).toBe("free again");
  });
});
