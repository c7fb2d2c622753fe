// The real wrangler against a local folder, and against an API of Cloudflare's that this test plays.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWranglerKv } from "../../../models/src/publish/wrangler-kv.ts";

describe("the local KV", () => {
  let state: string;
  beforeAll(async () => {
    state = await mkdtemp(path.join(tmpdir(), "spillway-kv-"));
  });
  afterAll(() => rm(state, { recursive: true }));

  it("gives back what was put, to the byte, and null for what was not", async () => {
    const kv = createWranglerKv({ kind: "local", state });
    const text = '{"dataset":"é\u2028"}\n';
    await kv.put("calibration:abc", text);
    expect(await kv.get("calibration:abc")).toBe(text);
    expect(await kv.get("config")).toBeNull();
  });

  it("is refused while a running Spillway holds it, and not when that has ended", async () => {
    const mark = path.join(state, "spillway.pid");
    await writeFile(mark, String(process.pid));
    expect(() => createWranglerKv({ kind: "local", state })).toThrow(`${state} is in use by process ${process.pid};`);
    // Beyond any process id that Linux gives out.
    await writeFile(mark, "4194305");
    expect(() => createWranglerKv({ kind: "local", state })).not.toThrow();
    await rm(mark);
  });
});

it("runs wrangler by the Node that runs this, whatever PATH holds", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "spillway-path-"));
  try {
    await writeFile(path.join(folder, "node"), "#!/bin/sh\necho 'an old Node' >&2\nexit 1\n", { mode: 0o755 });
    vi.stubEnv("PATH", `${folder}${path.delimiter}${process.env.PATH}`);
    const kv = createWranglerKv({ kind: "local", state: path.join(folder, "state") });
    expect(await kv.get("config")).toBeNull();
  } finally {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  }
});

describe("Cloudflare's KV", () => {
  const values = new Map<string, string>();
  let server: Server;

  beforeAll(async () => {
    server = createServer((request, response) => {
      const key = decodeURIComponent(request.url?.split("/values/")[1] ?? "");
      const chunks: Buffer[] = [];
      request.on("data", (chunk) => chunks.push(chunk));
      request.on("end", () => {
        if (key === "forbidden") {
          response.writeHead(403, { "content-type": "application/json" });
          response.end('{"success":false,"errors":[{"code":10000,"message":"Authentication error"}],"result":null}');
        } else if (request.method === "PUT") {
          values.set(key, Buffer.concat(chunks).toString());
          response.writeHead(200, { "content-type": "application/json" });
          response.end('{"success":true,"errors":[],"messages":[],"result":null}');
        } else {
          response.writeHead(values.has(key) ? 200 : 404).end(values.get(key));
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    vi.stubEnv("CLOUDFLARE_API_BASE_URL", `http://127.0.0.1:${port}/client/v4`);
    vi.stubEnv("CLOUDFLARE_API_TOKEN", "test-token");
    vi.stubEnv("CLOUDFLARE_ACCOUNT_ID", "0".repeat(32));
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await new Promise((resolve) => server.close(resolve));
  });

  it("gives back what was put, and null for what was not", async () => {
    const kv = createWranglerKv({ kind: "remote" });
    await kv.put("calibration:abc", '{"dataset":"é"}');
    expect([...values.values()].join()).toContain('{"dataset":"é"}');
    expect(await kv.get("config")).toBeNull();
    values.set("config", "stored");
    expect(await kv.get("config")).toBe("stored");
  });

  it("fails in one line that names the key and wrangler's reason", async () => {
    const kv = createWranglerKv({ kind: "remote" });
    await expect(kv.put("forbidden", "x")).rejects.toThrow(/^wrangler kv key put forbidden: .+$/);
    await expect(kv.get("forbidden")).rejects.toThrow(/^wrangler kv key get forbidden: .*403.*$/);
  });
});
