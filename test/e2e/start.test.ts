// `npm start` as a user meets it: the whole product in real processes, and how it refuses to start.
import { spawn } from "node:child_process";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { resultSchema } from "@spillway/shared/schema/result";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { processesBelow } from "./processes.ts";
import { freePorts, ROOT, run, type Stack, startStack } from "./stack.ts";

describe("a running stack", () => {
  let stack: Stack;
  let folder: string;
  let photo: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "spillway-e2e-"));
    photo = path.join(folder, "photo.jpg");
    await sharp({ create: { width: 640, height: 480, channels: 3, background: "#3a7" } })
      .jpeg()
      .toFile(photo);
    stack = await startStack();
  });

  afterAll(async () => {
    const processes = await processesBelow(stack.process.pid);
    expect(processes.length).toBeGreaterThan(1);
    expect(await stack.stop()).toBe(0);
    await rm(folder, { recursive: true });
    for (const { pid } of processes) expect(() => process.kill(pid, 0)).toThrow();
  });

  test("classifies a JPEG over HTTP", async () => {
    const response = await fetch(`${stack.edgeUrl}/v1/classify`, {
      method: "POST",
      headers: { "content-type": "image/jpeg" },
      body: new Uint8Array(await readFile(photo)),
    });
    expect(response.status).toBe(200);
    resultSchema.parse(await response.json());
  });

  test("`spillway classify` prints a table, or JSON", async () => {
    const table = await stack.spillway("classify", photo);
    expect(table).toMatchObject({ code: 0, stderr: "" });
    expect(table.stdout.split("\n")[0]).toMatch(/^file +label +confidence +tier/);
    const { stdout } = await stack.spillway("classify", photo, "--json");
    resultSchema.parse(JSON.parse(stdout).result);
  });

  test("a file that cannot be classified is named, and the others still are", async () => {
    const bad = path.join(folder, "bad.jpg");
    await writeFile(bad, "no image");
    const { code, stdout, stderr } = await stack.spillway("classify", bad, photo, path.join(folder, "missing.jpg"));
    expect(code).toBe(1);
    expect(stdout).toContain("400 Not an image");
    expect(stdout).toContain("ENOENT");
    expect(stderr).toBe("spillway: 2 of 3 images could not be classified\n");
    expect(stdout).toMatch(/photo\.jpg .* (edge|cloud) /);
  });

  test("one command changes a threshold of the running Worker; a bad value is refused", async () => {
    const decide = async () => {
      const { stdout } = await stack.spillway("classify", photo, "--json");
      return resultSchema.parse(JSON.parse(stdout).result);
    };
    expect((await stack.spillway("config", "set", "edge.exits.0.threshold=0")).code).toBe(0);
    const early = await decide();
    expect(early.decision).toMatchObject({ exit: 1, reason: "confident" });
    const closed = ["0", "1", "2"].map((exit) => `edge.exits.${exit}.threshold=2`);
    expect((await stack.spillway("config", "set", ...closed, "offload.threshold=-1")).code).toBe(0);
    const offloaded = await decide();
    expect(offloaded.decision).toMatchObject({ tier: "cloud", reason: "offloaded" });
    const bad = await stack.spillway("config", "set", "offload.threshold=7");
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain("offload.threshold");
    expect((await decide()).configVersion).toBe(offloaded.configVersion);
  });
});

describe("a stack that loses a part", () => {
  test("without its cloud, the edge answers alone and says so", async () => {
    const stack = await startStack();
    try {
      const closed = ["0", "1", "2"].map((exit) => `edge.exits[${exit}].threshold=2`);
      await stack.spillway("config", "set", ...closed, "offload.threshold=-1");
      for (const { pid } of await processesBelow(stack.process.pid)) {
        if ((await readFile(`/proc/${pid}/cmdline`, "utf8")).includes("cloud-backend")) process.kill(pid, "SIGKILL");
      }
      const { stdout } = await stack.spillway("classify", "test/vectors/images/drawn/orange.jpg", "--json");
      const { decision } = resultSchema.parse(JSON.parse(stdout).result);
      expect(decision).toMatchObject({ tier: "edge", reason: "cloud-error" });
      await vi.waitFor(() => expect(stack.output()).toContain("the edge answers alone"));
    } finally {
      expect(await stack.stop()).toBe(0);
    }
  });

  test("when npm itself is killed, nothing stays behind", async () => {
    const state = await mkdtemp(path.join(tmpdir(), "spillway-state-"));
    const [edgePort, cloudPort] = await freePorts(2);
    const ports = ["--edge-port", String(edgePort), "--cloud-port", String(cloudPort)];
    const npm = spawn("npm", ["start", "--", ...ports, "--state", state], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "ignore"],
    });
    let output = "";
    npm.stdout.on("data", (chunk) => {
      output += chunk;
    });
    await vi.waitFor(() => expect(output).toContain("Spillway is running"), { timeout: 60_000, interval: 100 });
    const processes = await processesBelow(npm.pid);
    expect(processes.length).toBeGreaterThan(4);
    npm.kill("SIGTERM");
    const gone = async () => {
      for (const { pid } of processes) expect(() => process.kill(pid, 0)).toThrow();
    };
    await vi.waitFor(gone, { timeout: 15_000, interval: 100 });
    await rm(state, { recursive: true });
  });
});

describe("refusing to start", () => {
  test("a taken port is one clear line, and nothing is left behind", async () => {
    const [port, other] = await freePorts(2);
    const server: Server = createServer().listen(port, "127.0.0.1");
    const ports = ["--edge-port", String(port), "--cloud-port", String(other)];
    const started = await run("node", ["scripts/start.ts", ...ports]);
    server.close();
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(new RegExp(`^spillway: port ${port} .*\n$`));
  });

  test("a folder without a model is one clear line", async () => {
    const started = await run("node", ["scripts/start.ts", "--model", "/nowhere"]);
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(/^spillway: \/nowhere\/manifest\.json cannot be read \(ENOENT\); .*\n$/);
  });

  test("a damaged model is one clear line", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "spillway-model-"));
    const shipped = path.join(ROOT, "models/cifar100");
    for (const file of await readdir(shipped)) await copyFile(path.join(shipped, file), path.join(folder, file));
    await writeFile(path.join(folder, "stage-1.onnx"), "damaged");
    const started = await run("node", ["scripts/start.ts", "--model", folder]);
    await rm(folder, { recursive: true });
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(/^spillway: .*stage-1\.onnx: SHA-256 differs from manifest\.json\n$/);
  });

  test("an unsupported Node is one clear line", async () => {
    // The version is all that the script looks at; a preload makes this Node claim to be an old one.
    const claim = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'18.19.0'})";
    const started = await run("node", ["--import", claim, "scripts/run.mjs", "node", "--version"]);
    expect(started).toMatchObject({ code: 1, stdout: "" });
    expect(started.stderr).toBe("spillway: Node 20 or later is needed, this is 18.19.0\n");
  });
});
