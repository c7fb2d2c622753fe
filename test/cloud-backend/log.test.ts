// The log writes to the process's own streams, so each test has a process of its own.
import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LOG_LEVELS, type LogLevel } from "../../cloud-backend/src/log.ts";

const FULL_DISK = "/dev/full";
const MODULE = new URL("../../cloud-backend/src/log.ts", import.meta.url).href;

function run(level: LogLevel, script: string) {
  const code = `import { createLog } from "${MODULE}"; const log = createLog("${level}"); ${script}`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
  const read = (text: string): Record<string, unknown>[] =>
    text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line)]));
  return { news: read(child.stdout), trouble: read(child.stderr), code: child.status };
}

const ALL = LOG_LEVELS.slice(0, -1);
const EVERY_LEVEL = ALL.map((level) => `log("${level}", "it-happened");`).join(" ");

it("writes one JSON line an event: when, how important, what, and its fields", () => {
  const before = Date.now();
  const { news, code } = run("info", `log("info", "listening", { url: "http://x", lines: "a\\nb" });`);
  expect(code).toBe(0);
  expect(news).toEqual([
    { level: "info", time: expect.any(String), event: "listening", url: "http://x", lines: "a\nb" },
  ]);
  expect(Date.parse(String(news[0].time))).toBeGreaterThanOrEqual(before);
  expect(news[0].time).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
});

it("has news on stdout and trouble on stderr, each line once", () => {
  const { news, trouble } = run("trace", EVERY_LEVEL);
  expect(news.map(({ level }) => level)).toEqual(["trace", "debug", "info"]);
  expect(trouble.map(({ level }) => level)).toEqual(["warn", "error", "fatal"]);
});

describe("its level", () => {
  it.each(LOG_LEVELS)("%s writes nothing less important", (level) => {
    const { news, trouble } = run(level, EVERY_LEVEL);
    expect([...news, ...trouble].map((line) => line.level)).toEqual(ALL.slice(LOG_LEVELS.indexOf(level)));
  });
});

describe("every line is there", () => {
  const many = `for (let line = 0; line < 2000; line++) log(line % 2 ? "error" : "info", "event", { line });`;
  it.each([
    ["when the process ends by itself", ""],
    ["when it is ended at once", "process.exit(0);"],
    ["when it dies of an error", "setTimeout(() => { throw new Error('died'); });"],
  ])("%s", (_, end) => {
    const code = end.includes("throw")
      ? `process.on("uncaughtException", () => process.exit(0)); ${many} ${end}`
      : many + end;
    const { news, trouble } = run("info", code);
    const lines = (written: Record<string, unknown>[]) => written.map(({ line }) => line);
    expect(lines(news)).toEqual(Array.from({ length: 1000 }, (_, index) => 2 * index));
    expect(lines(trouble)).toEqual(Array.from({ length: 1000 }, (_, index) => 2 * index + 1));
  });
});

it("writes a line soon, also when no other follows", () => {
  // Ends with 3 if its own line has not come back to it within seconds.
  const script = `
    import { spawn } from "node:child_process";
    const code = 'import { createLog } from "${MODULE}"; createLog("info")("info", "alone"); setInterval(() => {}, 1000);';
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    const end = (status) => { child.kill("SIGKILL"); process.exit(status); };
    child.stdout.once("data", () => end(0));
    setTimeout(() => end(3), 20_000);
  `;
  expect(spawnSync(process.execPath, ["--input-type=module", "-e", script]).status).toBe(0);
});

it.skipIf(!existsSync(FULL_DISK))("outlives a full disk, and waits for nothing (skipped without /dev/full)", () => {
  const code = `import { createLog } from "${MODULE}"; const log = createLog("info");
    for (let line = 0; line < 5000; line++) log(line % 2 ? "error" : "info", "event", { line });`;
  const fd = openSync(FULL_DISK, "w");
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", fd, fd],
    timeout: 20_000,
  });
  closeSync(fd);
  expect([child.signal, child.status]).toEqual([null, 0]);
});

it("outlives its readers", () => {
  const script = `
    import { spawn } from "node:child_process";
    const code = 'import { createLog } from "${MODULE}"; const log = createLog("info");'
      + 'const timer = setInterval(() => log("info", "still-here", { text: "x".repeat(5000) }), 1);'
      + 'setTimeout(() => { clearInterval(timer); process.exit(7); }, 300);';
    const child = spawn(process.execPath, ["--input-type=module", "-e", code], { stdio: ["ignore", "pipe", "inherit"] });
    child.stdout.once("data", () => child.stdout.destroy());
    child.on("exit", (status) => console.log(status));
  `;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  expect(child.stdout.trim()).toBe("7");
});
