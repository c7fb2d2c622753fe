import { Hono } from "hono";
import { expect, it } from "vitest";
import { atMost } from "../../../cloud-backend/src/routes/control-requests.ts";

it("lets so many in, refuses one more, and has room again when one is done, however it ended", async () => {
  const routes = new Hono();
  const ends: PromiseWithResolvers<void>[] = [];
  routes.post("/", atMost(2), async (c) => {
    const end = Promise.withResolvers<void>();
    ends.push(end);
    await end.promise;
    return c.text("done");
  });
  const ask = async () => routes.request("/", { method: "POST" });
  const running = [ask(), ask()];
  const refused = await ask();
  expect(refused.status).toBe(503);
  expect(refused.headers.get("Retry-After")).toBe("1");
  expect(ends).toHaveLength(2);
  ends[0].reject(new Error("it went wrong"));
  ends[1].resolve();
  expect((await Promise.all(running)).map(({ status }) => status)).toEqual([500, 200]);
  const more = [ask(), ask()];
  await expect.poll(() => ends.length).toBe(4);
  for (const end of ends) end.resolve();
  expect((await Promise.all(more)).map(({ status }) => status)).toEqual([200, 200]);
});
