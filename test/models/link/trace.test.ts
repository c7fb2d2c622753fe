// Reading throughput traces, and a link that follows one.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { replayOf } from "../../../models/src/link/replay.ts";
import { parseTrace, readTrace } from "../../../models/src/link/trace.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";
import { ROOT } from "../commands/command.ts";

const TRACES = path.join(ROOT, "../shared/data/traces");

describe("a trace", () => {
  it("holds a line's throughput from the line before it, in bytes a millisecond", () => {
    const { endsMs, bytesPerMs, name } = parseTrace("10\t9\n11.5\t8\r\n12 0.8\n\n", "some/where/bus.1.txt");
    expect(Array.from(endsMs)).toEqual([1500, 2000]);
    expect(Array.from(bytesPerMs)).toEqual([1000, 100]);
    expect(name).toBe("bus.1");
  });

  it.each([
    ["", "t: expected at least 2 lines of time and throughput, got 0"],
    ["0 1", "t: expected at least 2 lines of time and throughput, got 1"],
    ["0 1\n1", 't: line 2: expected "time_s throughput_Mbps", got "1"'],
    ["0 1\n1 2 3", 't: line 2: expected "time_s throughput_Mbps", got "1 2 3"'],
    ["0 1\n\n2 1", 't: line 2: expected "time_s throughput_Mbps", got ""'],
    ["0 1\nx 1", 't: line 2: expected "time_s throughput_Mbps", got "x 1"'],
    ["0 1\n1 Infinity", 't: line 2: expected "time_s throughput_Mbps", got "1 Infinity"'],
    ["0 1\n1 -1", "t: line 2: expected a throughput from 0 to 1000000 Mbit/s, got -1"],
    ["0 1\n1 1000001", "t: line 2: expected a throughput from 0 to 1000000 Mbit/s, got 1000001"],
    ["0 1\n1 2\n1 3", "t: line 3: expected a time after 1, got 1"],
    ["0 1\n1 0\n2 0", "t: expected some throughput, got none"],
  ])("that is wrong is told in a line, case %#", async (text, line) => {
    expect(await lineOf(() => parseTrace(text, "t"))).toBe(line);
  });

  it("may be missing, or a folder", async () => {
    const { folder } = temporaryFolder();
    expect(await lineOf(() => readTrace(path.join(folder, "none.txt")))).toMatch(/none\.txt: no such file$/);
    expect(await lineOf(() => readTrace(folder))).toMatch(/: expected a file, got a directory$/);
  });

  it.skipIf(!existsSync(TRACES))(
    "of the shared ones can be read, all of them (skipped without ../shared)",
    async () => {
      const files = readdirSync(TRACES);
      expect(files.length).toBeGreaterThan(0);
      for (const file of files) {
        const replay = replayOf(await readTrace(path.join(TRACES, file)));
        expect(replay.durationMs).toBeGreaterThan(30_000);
        expect(replay.meanBytesPerMs).toBeGreaterThan(50);
      }
    },
  );
});

describe("a link that follows a trace", () => {
  const replay = replayOf(parseTrace("0 0\n1 0.8\n2 0\n4 1.6\n", "t"));

  it("carries what its pieces carry, over and over", () => {
    expect([replay.durationMs, replay.meanBytesPerMs]).toEqual([4000, 125]);
    expect([0, 500, 1000, 1500, 2000, 3000, 4000, 4500].map((ms) => replay.carriedBy(ms))).toEqual([
      0, 50_000, 100_000, 100_000, 100_000, 300_000, 500_000, 550_000,
    ]);
    expect([0, 999, 1000, 1999, 2000, 3999, 4000, 9000].map((ms) => replay.throughputAt(ms))).toEqual([
      100, 100, 0, 0, 200, 200, 100, 0,
    ]);
  });

  it("is through with bytes exactly when it has carried them, waiting while it stands still", () => {
    expect([0, 50_000, 100_000, 100_001, 300_000, 500_000, 550_000].map((bytes) => replay.timeOf(bytes))).toEqual([
      0, 500, 1000, 2000.005, 3000, 4000, 4500,
    ]);
  });

  it("finds the time of what it has carried by a time at which it moves", () => {
    const pieces = fc.array(
      fc.tuple(fc.double({ min: 0.01, max: 10, noNaN: true }), fc.double({ min: 0.1, max: 50, noNaN: true })),
      {
        minLength: 1,
        maxLength: 20,
      },
    );
    fc.assert(
      fc.property(pieces, fc.double({ min: 0, max: 1e5, noNaN: true }), (parts, timeMs) => {
        let seconds = 0;
        const lines = parts.map(([length, mbps]) => {
          seconds += length;
          return `${seconds} ${mbps}`;
        });
        const link = replayOf(parseTrace(["0 1", ...lines].join("\n"), "t"));
        const found = link.timeOf(link.carriedBy(timeMs));
        expect(Math.abs(found - timeMs)).toBeLessThan(1e-6 * Math.max(1, timeMs));
      }),
    );
  });
});
