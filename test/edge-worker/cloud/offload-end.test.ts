// What the gate hears of an offload, and so what is learnt about the link.
import { expect, test } from "vitest";
import type { RouteOutcome } from "../../../edge-worker/src/cloud/ask-route.ts";
import { endOfOffload } from "../../../edge-worker/src/cloud/offload-end.ts";

const TOOK = { attempts: 1, durationMs: 70, bytesSent: 45, isPlain: false, fusion: null };
const SENT = { sent: { route: "tail" as const, setting: "4x4", bytesSent: 45 } };
const answered: RouteOutcome = { ok: true, answer: Float64Array.of(1), ...TOOK, ...SENT };
const failed: RouteOutcome = {
  ok: false,
  reason: "cloud-error",
  mayHaveWorked: true,
  refused: null,
  ...TOOK,
  ...SENT,
};

test.each<[string, RouteOutcome, string]>([
  ["an answer", answered, "answered"],
  ["an answer after another try", { ...answered, attempts: 2 }, "unclear"],
  // The tail's circuit let nobody through: one request, but of another size, by another way.
  ["the large model's answer", { ...answered, sent: { route: "large", setting: null, bytesSent: 3000 } }, "unclear"],
  ["a failure", failed, "unclear"],
  ["a timeout", { ...failed, reason: "cloud-timeout" }, "given-up"],
  ["a deadline", { ...failed, reason: "deadline" }, "given-up"],
  ["a deadline after another try", { ...failed, reason: "deadline", attempts: 2 }, "unclear"],
  ["a failure of which the cloud did nothing", { ...failed, mayHaveWorked: false }, "refused"],
])("%s", (_, outcome, expected) => {
  const end = endOfOffload({ route: "tail" }, outcome);
  expect(end).toMatchObject(expected === "refused" ? { outcome: expected } : { outcome: expected, durationMs: 70 });
});
