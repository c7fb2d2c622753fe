// `spillway config`: shows or changes the configuration of a running Worker.
//
// A change reads the configuration in force, edits it, gives it a version, and writes it back only if
// nobody else did meanwhile (If-Match).
import { readFile } from "node:fs/promises";
import type { Config } from "@spillway/shared/schema/config";
import { configChanges, describeChanges } from "../publish/config-changes.ts";
import { expectWritable, note, writeWhole } from "../result-output.ts";
import { parseFlags, UsageError } from "../usage.ts";
import { DEFAULT_EDGE_URL, edgeFetch, problemText } from "../worker-api.ts";

const HELP = `spillway config get [--url ${DEFAULT_EDGE_URL}] [--json] [--out FILE]
spillway config set PATH=VALUE ... [--url URL] [--token TOKEN] [--json] [--out FILE]

  spillway config set offload.threshold=0.2 edge.exits.0.threshold=0.8

  --token TOKEN  administrator's token (default: ADMIN_TOKEN of the environment, else of .dev.vars)
  --json         print what the Worker answered as JSON
  --out FILE     also write that there

Values are JSON; what is no JSON is text. Unless version is set, it becomes the time of the change.
`;

interface EffectiveConfig {
  config: Config;
  version: string;
  source: string;
  error: string | null;
  /** What decides about offloads, and why it is not what the configuration names. */
  policy: { configured: string; inForce: string; error: string | null };
}

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      url: { type: "string", default: DEFAULT_EDGE_URL },
      token: { type: "string" },
      json: { type: "boolean", default: false },
      out: { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values, positionals } = flags;
  const [action, ...assignments] = positionals;
  await expectWritable(values.out);
  const url = `${values.url}/v1/config`;
  if (action === "get" && assignments.length === 0) {
    const { effective } = await readConfig(url);
    await writeOut(values.out, effective);
    process.stdout.write(`${JSON.stringify(values.json ? effective : effective.config, null, 2)}\n`);
    if (effective.error !== null) process.stderr.write(`${effective.source} is in force: ${effective.error}\n`);
  } else if (action === "set" && assignments.length > 0) {
    const token = values.token ?? process.env.ADMIN_TOKEN ?? (await localToken());
    const changed = await changeConfig(url, assignments, token);
    await writeOut(values.out, changed);
    if (values.json) process.stdout.write(`${JSON.stringify(changed)}\n`);
  } else {
    throw new UsageError("expected `get`, or `set PATH=VALUE ...`; see spillway config --help");
  }
}

async function writeOut(file: string | undefined, effective: EffectiveConfig): Promise<void> {
  if (file !== undefined) await writeWhole(file, `${JSON.stringify(effective, null, 2)}\n`);
}

async function readConfig(url: string): Promise<{ effective: EffectiveConfig; etag: string }> {
  const response = await edgeFetch(url);
  if (!response.ok) throw new Error(await problemText(response));
  return { effective: (await response.json()) as EffectiveConfig, etag: response.headers.get("etag") ?? "*" };
}

async function changeConfig(url: string, assignments: string[], token: string): Promise<EffectiveConfig> {
  const { effective, etag } = await readConfig(url);
  const config = structuredClone(effective.config);
  config.version = new Date().toISOString();
  for (const assignment of assignments) assign(config, parseAssignment(assignment));
  const response = await edgeFetch(url, {
    method: "PUT",
    body: JSON.stringify(config),
    headers: { authorization: `Bearer ${token}`, "if-match": etag, "content-type": "application/json" },
  });
  if (!response.ok) throw new Error(await problemText(response));
  process.stderr.write(describeChanges(configChanges(effective.config, config)));
  process.stderr.write(`version ${config.version} is in force\n`);
  const changed = (await response.json()) as EffectiveConfig;
  const { policy } = changed;
  if (policy.error !== null) note(`note: ${policy.inForce} decides instead of ${policy.configured}: ${policy.error}`);
  return changed;
}

interface Assignment {
  /** Keys joined by dots. */
  path: string;
  value: unknown;
}

/** `a[0].b=1` and `a.0.b=1` are the same. @throws UsageError for what is no assignment */
function parseAssignment(assignment: string): Assignment {
  const at = assignment.indexOf("=");
  if (at < 1) throw new UsageError(`expected PATH=VALUE, got "${assignment}"`);
  const path = assignment.slice(0, at).replaceAll(/\[(\d+)\]/g, ".$1");
  return { path, value: parseValue(assignment.slice(at + 1)) };
}

/** Sets one existing field. @throws UsageError when there is no such field */
function assign(config: Config, { path, value }: Assignment): void {
  const keys = path.split(".");
  const last = keys.pop() as string;
  const parent = keys.reduce<unknown>(child, config);
  if (child(parent, last) === undefined) {
    throw new UsageError(`the configuration has no ${path}; \`config get\` shows what it has`);
  }
  (parent as Record<string, unknown>)[last] = value;
}

function child(parent: unknown, key: string): unknown {
  return typeof parent === "object" && parent !== null && Object.hasOwn(parent, key)
    ? (parent as Record<string, unknown>)[key]
    : undefined;
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The token that `npm start` made. */
async function localToken(): Promise<string> {
  const text = await readFile(".dev.vars", "utf8").catch(() => "");
  const token = /^ADMIN_TOKEN\s*=\s*"?([^"\n]+)"?/m.exec(text)?.[1];
  if (token === undefined) throw new UsageError("no administrator's token: give --token or ADMIN_TOKEN");
  return token;
}
