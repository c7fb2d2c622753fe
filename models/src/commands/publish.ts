// `spillway publish`: puts a checked configuration, and the calibration and the policy it is to use, into the
// Worker's KV.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { readCalibration } from "../evaluation/calibration-file.ts";
import { openModelFolder } from "../model-folder.ts";
import { describeChanges } from "../publish/config-changes.ts";
import { type NamedText, type PublishStore, publish } from "../publish/publish.ts";
import { createWranglerKv, DEFAULT_STATE, type KvTarget } from "../publish/wrangler-kv.ts";
import { expectWritable, note, reportResult } from "../result-output.ts";
import { parseFlags, UsageError } from "../usage.ts";

const DEFAULT_MODEL = "models/cifar100";

const HELP = `spillway publish [--config FILE] [--calibration FILE] [--policy FILE] [--remote] [--dry-run]
                 [--json] [--out FILE]

  --config FILE       configuration to publish (default: the one in KV, else the Worker's own default)
  --calibration FILE  calibration it is to use (default: the one it names, else the Worker's own)
  --policy FILE       policy that \`spillway policy\` wrote, for the bucket of that configuration (default: the one
                      it names); decides instead of offload.threshold
  --keep-thresholds   publish another calibration though the thresholds were chosen with the one in force
  --model FOLDER      model that the Worker runs (default ${DEFAULT_MODEL})
  --remote            write to Cloudflare, with wrangler's login; otherwise to the KV of \`npm start\`
  --state FOLDER      where that one lies (default ${DEFAULT_STATE}); \`npm start\` must not be running on it
  --dry-run           check everything and show the changes, and write nothing
  --json              print { version, calibration, changes: [{ path, old, new }], target }
  --out FILE          also write that there

All are checked against the model first, and a policy against the bucket too. One in a file that does not fit is
refused; one in KV gets a note, as the Worker goes by offload.threshold in its place. Unless the configuration brings
a new version, it becomes the time of publishing. Running Workers take up the change without a restart.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      config: { type: "string" },
      calibration: { type: "string" },
      policy: { type: "string" },
      "keep-thresholds": { type: "boolean", default: false },
      model: { type: "string", default: DEFAULT_MODEL },
      remote: { type: "boolean", default: false },
      state: { type: "string" },
      "dry-run": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      out: { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values, positionals } = flags;
  if (positionals.length > 0) throw new UsageError(`unexpected "${positionals[0]}"; see spillway publish --help`);
  if (values.remote && values.state !== undefined) throw new UsageError("--state is of the local KV, not of --remote");
  const target: KvTarget = values.remote ? { kind: "remote" } : { kind: "local", state: values.state ?? DEFAULT_STATE };

  // What is in KV by then cannot be taken back.
  await expectWritable(values.out);
  const folder = await openModelFolder(values.model);
  const request = {
    manifest: folder.manifest,
    modelHash: folder.hash,
    // What the Worker's bundle holds when it is built from this folder.
    bundled: await readCalibration(path.join(values.model, "calibration.json"), folder),
    config: await readOptional(values.config),
    calibration: await readOptional(values.calibration),
    policy: await readOptional(values.policy),
    keepThresholds: values["keep-thresholds"],
  };
  const kv = createWranglerKv(target);
  const { warnings, ...published } = await publish(request, values["dry-run"] ? readOnly(kv) : kv, new Date());
  const report = { ...published, target: target.kind };
  process.stderr.write(describeChanges(published.changes));
  for (const warning of warnings) note(`note: ${warning}`);
  note(summary(report, values["dry-run"]));
  await reportResult(report, values, "");
}

function summary(
  { version, calibration, target }: { version: string; calibration: string | null; target: string },
  isDryRun: boolean,
): string {
  const what = `version ${version} with ${calibration === null ? "the Worker's own calibration" : `calibration ${calibration}`}`;
  if (isDryRun) return `${what} would be published to the ${target} KV; nothing was written`;
  if (target === "local") return `${what} is in force in the local KV`;
  // KV's own caches first, then the configuration that each isolate holds.
  return `${what} is written to the remote KV, and in force everywhere within about a minute`;
}

function readOnly(store: PublishStore): PublishStore {
  return { get: store.get, put: async () => {} };
}

async function readOptional(file: string | undefined): Promise<NamedText | null> {
  return file === undefined ? null : readNamed(file);
}

async function readNamed(file: string): Promise<NamedText> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file}: cannot be read (${error.code})`);
  });
  return { name: file, text };
}
