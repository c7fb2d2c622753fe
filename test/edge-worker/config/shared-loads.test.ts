import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createSharedLoads } from "../../../edge-worker/src/config/shared-loads.ts";

const TIMEOUT_MS = 1000;

/** Loads that the test lets end, in the order in which they were begun. */
function controlledLoads() {
  const begun: PromiseWithResolvers<string>[] = [];
  const loads = createSharedLoads<string>(TIMEOUT_MS);
  const load = (key = "a") =>
    loads.load(key, () => {
      const settled = Promise.withResolvers<string>();
      begun.push(settled);
      return settled.promise;
    });
  return { begun, load };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("all who ask for a key while it is loaded get the one result", async () => {
  const { begun, load } = controlledLoads();
  const asked = Array.from({ length: 10 }, () => load());
  expect(begun).toHaveLength(1);
  begun[0]?.resolve("result");
  expect(await Promise.all(asked)).toEqual(Array(10).fill("result"));
});

test("another key has a load of its own", async () => {
  const { begun, load } = controlledLoads();
  const asked = [load("a"), load("b")];
  begun[1]?.resolve("of b");
  begun[0]?.resolve("of a");
  expect(await Promise.all(asked)).toEqual(["of a", "of b"]);
});

test.each([
  ["a result", (first?: PromiseWithResolvers<string>) => first?.resolve("old")],
  ["a failure", (first?: PromiseWithResolvers<string>) => first?.reject(new Error("failed"))],
])("%s is not remembered", async (_, settle) => {
  const { begun, load } = controlledLoads();
  const first = Promise.allSettled([load(), load()]);
  settle(begun[0]);
  const [one, other] = await first;
  expect(one).toEqual(other);
  const later = load();
  begun[1]?.resolve("new");
  expect(await later).toBe("new");
});

test("when a load does not end in time, those who waited share another, and not before", async () => {
  const { begun, load } = controlledLoads();
  const asked = Array.from({ length: 10 }, () => load());
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
  expect(begun).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(begun).toHaveLength(2);
  begun[1]?.resolve("second");
  expect(await Promise.all(asked)).toEqual(Array(10).fill("second"));
});

test("a load that ends late does not take the place of the one after it", async () => {
  const { begun, load } = controlledLoads();
  const asked = load();
  await vi.advanceTimersByTimeAsync(TIMEOUT_MS);
  begun[0]?.resolve("late");
  await vi.advanceTimersByTimeAsync(0);
  const joined = load();
  expect(begun).toHaveLength(2);
  begun[1]?.resolve("second");
  expect(await Promise.all([asked, joined])).toEqual(["second", "second"]);
});

test("after two loads that do not end it gives up, and the next request begins anew", async () => {
  const { begun, load } = controlledLoads();
  const failed = expect(load()).rejects.toThrow(`no load of a ended in ${TIMEOUT_MS} ms`);
  await vi.advanceTimersByTimeAsync(2 * TIMEOUT_MS);
  await failed;
  const next = load();
  expect(begun).toHaveLength(3);
  begun[2]?.resolve("third");
  expect(await next).toBe("third");
});
