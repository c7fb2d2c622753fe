// Whose bucket an offload spends, and whose requests are counted.
import { sha256Hex } from "./sha256.ts";

/** Names longer than this are hashed: they name a Durable Object. */
export const MAX_CLIENT_KEY_LENGTH = 128;

/** For requests that name nobody; they share one bucket. */
const ANONYMOUS = "anonymous";

/**
 * The key of a client from the header that names it. An IPv6 address counts as its /64 network, which
 * is what one customer gets: each of its 2^64 addresses would otherwise bring a full bucket of its own.
 */
export async function clientKeyOf(name: string | undefined): Promise<string> {
  const trimmed = name?.trim() ?? "";
  if (trimmed === "") return ANONYMOUS;
  if (trimmed.length > MAX_CLIENT_KEY_LENGTH) return sha256Hex(trimmed);
  return trimmed.includes(":") ? networkOf(trimmed) : trimmed;
}

/** The first 64 bits of an IPv6 address; an IPv4 address inside one is itself; anything else stays. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address);
  if (mapped !== null) return mapped[1];
  if (!/^[0-9a-f:.]+$/i.test(address)) return address;
  const [left, right] = address.toLowerCase().split("::");
  const groups = left === "" ? [] : left.split(":");
  const after = right === undefined || right === "" ? [] : right.split(":");
  while (groups.length + after.length < 8) groups.push("0");
  const network = [...groups, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
