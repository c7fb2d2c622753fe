// Slow loris: connections that trickle their headers, so many that a server that counts on good will has
// no place left. The server runs in a process of its own, as each side needs a descriptor a connection.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, it, vi } from "vitest";
import { CONNECTION_CHECK_MS, HEADERS_TIMEOUT_MS } from "../../cloud-backend/src/limits.ts";

const CONNECTIONS = 10_000;
const DESCRIPTORS = 12_000;
/** Connections that are being opened at the same time. */
const WAVE = 500;
/** Milliseconds between two bytes of a connection. */
const TRICKLE_MS = 2_500;
/** What a good request may take among them, and what a busy machine may be late, in milliseconds. */
const PROMPT_MS = 2_000;
const LATE_MS = 10_000;

const hasDescriptors = descriptorLimit() >= DESCRIPTORS;

it.skipIf(!hasDescriptors)(
  `${CONNECTIONS} slow connections keep nobody waiting, and are closed at the limit (needs ulimit -n of ${DESCRIPTORS})`,
  async () => {
    const server = spawn(process.execPath, [fileURLToPath(new URL("./setup/plain-server.ts", import.meta.url))], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [url] = await once(createInterface({ input: server.stdout }), "line");
      const started = performance.now();
      const slow = await openSlowly(Number(new URL(url).port));
      const opened = performance.now();
      const timer = setInterval(() => slow.trickle(), TRICKLE_MS);
      expect(slow.closed()).toBe(0);

      const waits: number[] = [];
      for (let request = 0; request < 20; request++) {
        const asked = performance.now();
        expect((await fetch(`${url}/ping`)).status).toBe(200);
        waits.push(performance.now() - asked);
      }
      expect(Math.max(...waits)).toBeLessThan(PROMPT_MS);

      const timeout = HEADERS_TIMEOUT_MS + CONNECTION_CHECK_MS + LATE_MS;
      await vi.waitUntil(() => slow.closed() === CONNECTIONS, { timeout, interval: 100 });
      clearInterval(timer);
      expect(performance.now() - started).toBeGreaterThanOrEqual(HEADERS_TIMEOUT_MS);
      expect((await fetch(`${url}/ping`)).status).toBe(200);
      const seconds = [opened - started, Math.max(...waits), performance.now() - started].map((ms) => ms / 1000);
      console.log(`opened, longest wait, all closed: ${seconds.map((value) => value.toFixed(2)).join(", ")} s`);
    } finally {
      server.kill("SIGKILL");
      await once(server, "close");
    }
  },
  60_000,
);

async function openSlowly(port: number) {
  const sockets: Socket[] = [];
  let closed = 0;
  while (sockets.length < CONNECTIONS) {
    const wave = Array.from({ length: WAVE }, () => connect(port, "127.0.0.1"));
    for (const socket of wave) {
      socket.on("error", () => undefined).on("close", () => closed++);
      // Or the answer would keep the socket from closing.
      socket.resume();
    }
    await Promise.all(wave.map((socket) => once(socket, "connect")));
    for (const socket of wave) socket.write("POST /invocations HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    sockets.push(...wave);
  }
  return {
    closed: () => closed,
    trickle: () => {
      for (const socket of sockets) if (socket.writable) socket.write("a");
    },
  };
}

/** Of this process: Node raises its own to what it may have. */
function descriptorLimit(): number {
  const limit = execFileSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).trim();
  return limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
}
