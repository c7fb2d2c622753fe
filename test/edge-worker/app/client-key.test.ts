import { expect, test } from "vitest";
import { clientKeyOf, MAX_CLIENT_KEY_LENGTH } from "../../../edge-worker/src/client-key.ts";

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:DB8:0001:2::1", "2001:db8:1:2::/64"],
  ["2001:db8::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["customer-7", "customer-7"],
  ["team:blue", "team:blue"],
  ["  ", "anonymous"],
  [undefined, "anonymous"],
])("%s is %s", async (name, key) => {
  expect(await clientKeyOf(name)).toBe(key);
});

test("names too long to keep stay apart", async () => {
  const longest = "k".repeat(MAX_CLIENT_KEY_LENGTH);
  expect(await clientKeyOf(longest)).toBe(longest);
  const [a, b] = [await clientKeyOf(`${longest}a`), await clientKeyOf(`${longest}b`)];
  expect(a).toMatch(/^[0-9a-f]{64}$/);
  expect(a).not.toBe(b);
});
