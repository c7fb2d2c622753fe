// A camera over a link that changes: `spillway stream` against the whole product, with a bottleneck to the cloud.
import { spawn } from "node:child_process";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { replayOf } from "../../models/src/link/replay.ts";
import type { StreamSummary } from "../../models/src/stream/stream-report.ts";
import { type ShapedLink, startShapedLink } from "./shaped-link.ts";
import { askAlways, type ShapedStack, startShapedStack } from "./shaped-stack.ts";
import { ROOT, run } from "./stack.ts";

const PICTURES = path.join(ROOT, "test/vectors/images/drawn");
const FRAMES = 60;
/** More than a busy machine takes. */
const DEADLINE_MS = 1500;
/** Enough for all frames, for none, for few; a second each. */
const REPLAY = replayOf({
  name: "steps",
  endsMs: Float64Array.of(1000, 2000, 3000),
  bytesPerMs: Float64Array.of(500, 0, 20),
});

let stack: ShapedStack;
/** In front of the edge: a way in that a test may cut. */
let entrance: ShapedLink;

beforeAll(async () => {
  stack = await startShapedStack(10, askAlways(-1));
  entrance = await startShapedLink(Number(new URL(stack.edgeUrl).port), 0);
}, 180_000);

afterAll(async () => {
  await entrance?.stop();
  await stack?.stop();
});

const camera = (...flags: string[]) => ["stream", PICTURES, "--fps", "6", "--loop", ...flags];

/** Each frame that was sent is accounted for. The client itself ends the stream when an answer is out of order. */
function expectNothingLost(summary: StreamSummary): void {
  const sum = (counts: Record<string, number>) => Object.values(counts).reduce((total, count) => total + count, 0);
  expect(summary.taken).toBe(summary.sent + summary.skipped);
  expect(summary.told).toBe(summary.sent);
  expect(summary.answered + sum(summary.dropped)).toBe(summary.told);
  expect(summary.problems).toEqual({});
}

test("keeps to the deadline over a link that comes and goes", async () => {
  stack.link.follow(REPLAY);
  const flags = ["--frames", String(FRAMES), "--deadline-ms", String(DEADLINE_MS), "--json", "--url", stack.edgeUrl];
  const { code, stdout, stderr } = await run("spillway", camera(...flags));
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const summary: StreamSummary = JSON.parse(stdout);
  expectNothingLost(summary);
  expect(summary.taken).toBe(FRAMES);
  expect(summary.late).toBeLessThan(FRAMES / 4);
  expect(summary.byTier.cloud).toBeGreaterThan(0);
  expect(summary.byTier.edge).toBeGreaterThan(0);
  // What answers say was sent went over the link, and headers besides.
  expect(summary.bytesToCloud).toBeGreaterThan(0);
  expect(stack.link.bytesUp).toBeGreaterThan(summary.bytesToCloud);
  expect(stderr).toMatch(/^\d+\.\d s, sent \d+, answered \d+ .* to the cloud$/m);
});

test("goes on after its connection was cut, and loses nothing", async () => {
  stack.link.follow(null);
  const child = run("spillway", camera("--frames", "40", "--json", "--url", `http://127.0.0.1:${entrance.port}`));
  entrance.follow(null);
  const cut = setInterval(() => {
    if (entrance.bytesUp < 50_000) return;
    entrance.follow(null);
    entrance.cut();
  }, 5);
  const { code, stdout, stderr } = await child.finally(() => clearInterval(cut));
  expect({ code, stderr }).toMatchObject({ code: 0 });
  const summary: StreamSummary = JSON.parse(stdout);
  expectNothingLost(summary);
  expect(summary.reconnects).toBeGreaterThan(0);
});

test("ends with its summary on Ctrl-C", async () => {
  const args = ["models/src/cli.ts", ...camera("--url", stack.edgeUrl)];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr.once("data", () => child.kill("SIGINT"));
  const code = await new Promise((resolve) => child.on("close", resolve));
  expect(code).toBe(0);
  expect(stdout).toMatch(/^frames taken +\d+ +in \d+\.\d s\nsent +\d+ +\d+\.\d a second\n/);
});
