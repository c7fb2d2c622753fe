import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

/** What is polled for comes late on a busy machine; a test that waits in vain says so by this. */
const expect = { poll: { timeout: 15_000 } };

/** A project that runs in Node. */
function inNode(name: string, testTimeout: number) {
  return { test: { name, include: [`test/${name}/**/*.test.ts`], environment: "node", testTimeout, expect } };
}

export default defineConfig({
  test: {
    silent: "passed-only",
    projects: [
      inNode("shared", 20_000),
      inNode("models", 60_000),
      inNode("cloud-backend", 30_000),
      inNode("e2e", 180_000),
      {
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: { bindings: { ADMIN_TOKEN: "test-token" } },
          }),
        ],
        test: {
          name: "edge-worker",
          include: ["test/edge-worker/**/*.test.ts"],
          globalSetup: ["test/edge-worker/setup/clouds.ts"],
          // The first use of the 14 MB runtime compiles it: seconds on a busy machine.
          testTimeout: 60_000,
          expect,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
