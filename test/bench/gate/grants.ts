// A crowd at one bucket while its object is restarted again and again: how many tokens it grants, of how many it may.
import { post } from "../bench-worker.ts";

export const DECISIONS_WANTED = 10_000;
const AT_ONCE = 64;
/** Decisions from one restart to the next. */
const RESTART_EVERY = 500;
const BUCKET = { rate: 20, depth: 50 };

export async function grantsUnderRestarts(url: string) {
  const bucket = new TextEncoder().encode(JSON.stringify(BUCKET));
  let [started, granted, failed, restarts] = [0, 0, 0, 0];
  const startMs = performance.now();
  async function client(): Promise<void> {
    while (started < DECISIONS_WANTED) {
      started += 1;
      if (started % RESTART_EVERY === 0) {
        restarts += 1;
        await post(`${url}/restart`);
      }
      // A call that a restart cuts off may have taken a token, but nobody was told that it is granted.
      const isGranted = await post<boolean>(`${url}/decide`, bucket).catch(() => null);
      if (isGranted === null) failed += 1;
      else if (isGranted) granted += 1;
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client));
  const seconds = (performance.now() - startMs) / 1000;
  return { granted, failed, restarts, seconds, limit: BUCKET.rate * seconds + BUCKET.depth };
}
