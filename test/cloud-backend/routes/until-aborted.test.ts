// Items that come, items that never come, and leaving in between.
import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { untilAborted } from "../../../cloud-backend/src/routes/until-aborted.ts";

describe("untilAborted", () => {
  it("yields all items, and ends when they do", async () => {
    const { signal } = new AbortController();
    const items = [];
    for await (const item of untilAborted(counting(3), signal)) items.push(item);
    expect(items).toEqual([0, 1, 2]);
  });

  it("throws the reason while the iterator waits for what never comes, and leaves its stream flowing", async () => {
    const stream = new PassThrough();
    const abort = new AbortController();
    const items = untilAborted(stream.iterator({ destroyOnReturn: false }), abort.signal);
    stream.write("one");
    expect(String((await items.next()).value)).toBe("one");
    const waiting = items.next();
    abort.abort("enough");
    await expect(waiting).rejects.toBe("enough");
    expect(await items.next()).toEqual({ done: true, value: undefined });
    const rest: string[] = [];
    stream.on("data", (chunk) => rest.push(String(chunk)));
    const ended = new Promise((resolve) => stream.once("end", resolve));
    // The iterator that waits gets one more; nobody needs it.
    stream.write("two");
    stream.end("three");
    await ended;
    expect(rest.join("")).toContain("three");
  });

  it("asks for nothing once it is aborted", async () => {
    let asked = 0;
    const items = { next: async () => ({ done: false as const, value: asked++ }) };
    await expect(untilAborted(items, AbortSignal.abort("enough")).next()).rejects.toBe("enough");
    expect(asked).toBe(0);
  });

  it("tells the iterator to end, also when it is left early or fails", async () => {
    const { signal } = new AbortController();
    const ended: string[] = [];
    for await (const item of untilAborted(counting(9, ended), signal)) if (item === 1) break;
    const failing = untilAborted(counting(1, ended, new Error("broken")), signal);
    await failing.next();
    await expect(failing.next()).rejects.toThrow("broken");
    expect(ended).toEqual(["ended", "ended"]);
  });
});

async function* counting(count: number, ended: string[] = [], failure?: Error): AsyncGenerator<number> {
  try {
    for (let item = 0; item < count; item++) yield item;
    if (failure !== undefined) throw failure;
  } finally {
    ended.push("ended");
  }
}
