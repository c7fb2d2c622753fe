// Reading KV, which nothing can abort, with a deadline.
import { KV_TIMEOUT_MS } from "../limits.ts";
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
