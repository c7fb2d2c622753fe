// Calls of objects from the Worker, timed from outside: workerd's own clock has steps of a millisecond.

import { post } from "../bench-worker.ts";
import { interleave, summarise } from "../measure.ts";
import { trafficPolicy } from "../policies/example-policies.ts";

export const LATENCY_CALLS = 1_000;
const WARM_UP_CALLS = 100;
const POLICY_KEY = "bench-policy";
/** Time for the first prices to be solved. */
const READY_CALLS = 400;

const CALLS: Record<string, string> = {
  empty: "none",
  ping: "bare object",
  put: "bare object that writes 300 bytes",
  threshold: "gate, `threshold`",
  belief: "gate, `belief`",
  auto: "gate, `threshold`, which also chooses among ten ways to send",
  report: "gate that is told how the send went",
};
const GATES = ["threshold", "belief", "auto", "report"];

export async function timeCalls(url: string) {
  const call = (name: string) => post<{ policy?: string } | null>(`${url}/call/${name}/${POLICY_KEY}`);
  const model = await post<string>(`${url}/policy/unused`);
  const text = new TextEncoder().encode(JSON.stringify({ ...trafficPolicy(), model }));
  await post(`${url}/policy/${POLICY_KEY}`, text);
  await untilDecidedBy("belief", () => call("belief"));

  const samples = new Map(Object.keys(CALLS).map((name) => [name, [] as number[]]));
  const contenders = [...samples].map(([name, into]) => async () => {
    const startMs = performance.now();
    await call(name);
    into.push(performance.now() - startMs);
  });
  await interleave(WARM_UP_CALLS, contenders);
  for (const into of samples.values()) into.length = 0;
  await interleave(LATENCY_CALLS, contenders);

  const bare = summarise(samples.get("ping") ?? []).median;
  return [...samples].map(([name, times]) => {
    const { median } = summarise(times);
    const p99 = times.toSorted((a, b) => a - b)[Math.ceil(0.99 * times.length) - 1];
    return { name: CALLS[name], median, p99, added: GATES.includes(name) ? median - bare : null };
  });
}

async function untilDecidedBy(policy: string, call: () => Promise<{ policy?: string } | null>): Promise<void> {
  for (let asked = 0; asked < READY_CALLS; asked++) if ((await call())?.policy === policy) return;
  throw new Error(`after ${READY_CALLS} calls the gate still does not decide by ${policy}`);
}
