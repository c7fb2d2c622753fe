// Changing the configuration of a running stack for a measurement.
import { readFile } from "node:fs/promises";
import type { Config } from "@spillway/shared/schema/config";
import type { Stack } from "../e2e/stack.ts";

let original: Config | undefined;

/** The configuration that the stack started with, changed; its limits out of the way. */
export async function configOf(stack: Stack, change: (config: Config) => void): Promise<Config> {
  if (original === undefined) {
    const response = await fetch(`${stack.edgeUrl}/v1/config`);
    original = ((await response.json()) as { config: Config }).config;
  }
  const config = structuredClone(original);
  config.limits.requestsPerMinute = 10_000_000;
  change(config);
  return config;
}

export async function putConfig(stack: Stack, config: Config): Promise<void> {
  const token = /ADMIN_TOKEN="(\w+)"/.exec(await readFile(".dev.vars", "utf8"))?.[1];
  const response = await fetch(`${stack.edgeUrl}/v1/config`, {
    method: "PUT",
    headers: { authorization: `Bearer ${token}`, "if-match": "*" },
    body: JSON.stringify({ ...config, version: `bench-${Date.now()}` }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
}
