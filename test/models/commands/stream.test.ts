// `spillway stream`: what it refuses, before a frame is sent. What it does is in test/e2e/stream.test.ts.
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { run } from "../../../models/src/commands/stream.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { temporaryFolder } from "../arrays/folder.ts";
import { captureOutput } from "./command.ts";

const output = captureOutput();
const { folder } = temporaryFolder();
const picture = path.join(folder, "picture.png");
writeFileSync(picture, "");
const camera = [picture, "--fps", "10"];

describe("spillway stream", () => {
  it.each([
    [["--fps", "10"], "name a folder or pictures; see spillway stream --help"],
    [[picture], "--fps is needed; see spillway stream --help"],
    [[picture, "--fps", "0"], '--fps: expected a number from 0.01 to 1000, got "0"'],
    [[picture, "--fps", "fast"], '--fps: expected a number from 0.01 to 1000, got "fast"'],
    [[...camera, "--deadline-ms", "0"], '--deadline-ms: expected a number from 1 to 600000, got "0"'],
    [[...camera, "--deadline-ms", "1.5"], '--deadline-ms: expected a whole number, got "1.5"'],
    [[...camera, "--frames", "0"], '--frames: expected a number from 1 to 9007199254740991, got "0"'],
    [[...camera, "--top", "0"], '--top: expected a number from 1 to 100, got "0"'],
    [[...camera, "--url", "edge.test"], '--url: expected an http or https URL, got "edge.test"'],
    [[...camera, "--url", "ftp://edge.test"], '--url: expected an http or https URL, got "ftp://edge.test"'],
    [[...camera, "--loops"], "Unknown option '--loops'; see --help"],
    [["nowhere", "--fps", "10"], "nowhere: no picture there (.jpg, .jpeg, .png, .webp)"],
  ])("%# is the caller's mistake", async (args, message) => {
    await expect(run(args)).rejects.toThrow(new UsageError(message));
    expect(output).toEqual({ stdout: "", stderr: "" });
  });

  it("says where nothing answers", async () => {
    await expect(run([...camera, "--url", "http://127.0.0.1:1"])).rejects.toThrow(
      /^http:\/\/127\.0\.0\.1:1 does not answer \(.*\); is it running \(npm start\), or elsewhere \(--url\)\?$/,
    );
  });

  it.each([
    [
      429,
      { title: "Too many requests", detail: "more than 600 requests a minute" },
      "429 Too many requests: more than",
    ],
    [404, {}, "404 Not Found"],
    [426, {}, "the stream cannot be opened (1006)"],
  ])("says why a Worker refuses it with %i", async (status, problem, message) => {
    const server = createServer((_request, response) => response.writeHead(status).end(JSON.stringify(problem)));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    try {
      await expect(run([...camera, "--url", `http://127.0.0.1:${port}`])).rejects.toThrow(message);
    } finally {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("asks for the place of its result first", async () => {
    const out = path.join(folder, "nowhere/out.json");
    await expect(run([...camera, "--url", "http://127.0.0.1:1", "--out", out])).rejects.toThrow(
      new Error(`${out}: cannot be written (ENOENT)`),
    );
  });
});
