// Commands that change something, or take long, ask for the place of their result before they begin.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, it, vi } from "vitest";
import { run as calibrate } from "../../../models/src/commands/calibrate.ts";
import { run as classify } from "../../../models/src/commands/classify.ts";
import { run as config } from "../../../models/src/commands/config.ts";
import { run as publish } from "../../../models/src/commands/publish.ts";
import { run as tune } from "../../../models/src/commands/tune.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { temporaryFolder } from "../arrays/folder.ts";
import { captureOutput } from "./command.ts";

const output = captureOutput();
const { folder } = temporaryFolder();
const nowhere = path.join(folder, "nowhere/out.json");
/** Where each would put what it does. */
const [state, tuned] = ["state", "tuned"].map((name) => path.join(folder, name));
/** Nothing answers there: whoever asks says so. */
const url = "http://127.0.0.1:9";

describe("a result without a place", () => {
  it.each([
    ["publish", publish, ["--state", state]],
    ["tune", tune, ["--evaluation", "missing.npz", "--folder", tuned, "--no-publish"]],
    ["config get", config, ["get", "--url", url]],
    ["config set", config, ["set", "version=a", "--url", url, "--token", "x"]],
    ["classify", classify, ["missing.png", "--url", url]],
  ])("ends %s before it has done anything", async (_, run, args) => {
    await expect(run([...args, "--json", "--out", nowhere])).rejects.toThrow(
      new Error(`${nowhere}: cannot be written (ENOENT)`),
    );
    expect(output).toEqual({ stdout: "", stderr: "" });
    expect(existsSync(state) || existsSync(tuned)).toBe(false);
  });
});

it("keeps a calibration of the fit part from replacing the model's", async () => {
  const args = ["--evaluation", "missing.npz", "--part", "fit"];
  await expect(calibrate(args)).rejects.toThrow(
    new UsageError("--out is needed; see spillway calibrate --part fit --help"),
  );
  await expect(calibrate([...args, "--out", "fit.json"])).rejects.toThrow(/missing\.npz/);
});

describe("spillway publish --remote", () => {
  it("promises no more than KV keeps: a minute until it is in force", { timeout: 120_000 }, async () => {
    // Cloudflare's API with nothing in it.
    const server = createServer((request, response) => {
      request.resume().on("end", () => {
        response.writeHead(request.method === "PUT" ? 200 : 404, { "content-type": "application/json" });
        response.end('{"success":true,"errors":[],"messages":[],"result":null}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", `http://127.0.0.1:${port}/client/v4`);
    vi.stubEnv("CLOUDFLARE_API_TOKEN", "test-token");
    vi.stubEnv("CLOUDFLARE_ACCOUNT_ID", "0".repeat(32));
    try {
      const out = path.join(folder, "published.json");
      await publish(["--remote", "--json", "--out", out]);
      expect(output.stderr).toMatch(/ is written to the remote KV, and in force everywhere within about a minute\n$/);
      const report = JSON.parse(output.stdout);
      expect(report).toMatchObject({ target: "remote", calibration: null });
      expect(Object.keys(report)).toEqual(["version", "calibration", "changes", "target"]);
      expect(JSON.parse(await readFile(out, "utf8"))).toEqual(report);
    } finally {
      vi.unstubAllEnvs();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});
