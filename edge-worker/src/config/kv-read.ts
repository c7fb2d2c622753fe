// Reading KV, which nothing can abort, with a deadline.
import { readAtMost } from "../body.ts";
import { KV_CACHE_SECONDS, KV_TIMEOUT_MS } from "../limits.ts";
import { withinTime } from "../within-time.ts";

/** What a read gives. @throws Error when it fails or is too slow */
export async function kvRead<T>(read: Promise<T>): Promise<T> {
  const inTime = await withinTime(
    read.then((value) => ({ value })),
    KV_TIMEOUT_MS,
  );
  if (inTime === null) throw new Error(`KV did not answer in ${KV_TIMEOUT_MS} ms`);
  return inTime.value;
}

/**
 * The bytes under a key, as long as there are no more than `maxBytes`. @throws Error when KV fails or is too slow
 *
 * KV also remembers for KV_CACHE_SECONDS that a key is missing, so what a configuration names is published before it.
 */
export function kvReadBytes(
  kv: KVNamespace,
  key: string,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer> | "missing" | "too-many"> {
  return kvRead(readBytes(kv, key, maxBytes));
}

async function readBytes(kv: KVNamespace, key: string, maxBytes: number) {
  const stream = await kv.get(key, { type: "stream", cacheTtl: KV_CACHE_SECONDS });
  return stream === null ? "missing" : ((await readAtMost(stream, maxBytes)) ?? "too-many");
}
