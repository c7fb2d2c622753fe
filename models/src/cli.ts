#!/usr/bin/env node
// `spillway <command>`: reads the command, runs it, and turns a failure into one line and exit code 1.
import { UsageError } from "./usage.ts";

// ONNX Runtime tells Microsoft of its use unless told not to, before it is loaded.
process.env.ORT_DISABLE_TELEMETRY ??= "1";

interface Command {
  summary: string;
  run(args: string[]): Promise<void>;
}

/** Each command's module is loaded when it is asked for: most need neither ONNX Runtime nor sharp. */
const COMMANDS: Record<string, { summary: string; load(): Promise<Pick<Command, "run">> }> = {
  classify: {
    summary: "send images to a running Worker and print its answers",
    load: () => import("./commands/classify.ts"),
  },
  stream: {
    summary: "play pictures as a camera's frames to a running Worker, and tell how it goes",
    load: () => import("./commands/stream.ts"),
  },
  config: {
    summary: "show or change the configuration of a running Worker",
    load: () => import("./commands/config.ts"),
  },
  publish: {
    summary: "put a configuration and a calibration into the Worker's KV",
    load: () => import("./commands/publish.ts"),
  },
  evaluate: {
    summary: "run a model's exits and its large model over labelled images",
    load: () => import("./commands/evaluate.ts"),
  },
  calibrate: {
    summary: "fit a model's calibration.json on labelled images",
    load: () => import("./commands/calibrate.ts"),
  },
  reliability: {
    summary: "draw how far confidence is from accuracy, before and after calibration",
    load: () => import("./commands/reliability.ts"),
  },
  sweep: {
    summary: "accuracy and offload rate of a pair at every threshold",
    load: () => import("./commands/sweep.ts"),
  },
  thresholds: {
    summary: "choose the exits' and the offload threshold, on demand or with a guarantee",
    load: () => import("./commands/thresholds.ts"),
  },
  metric: {
    summary: "fit the expected gain of asking the cloud in several ways and compare them",
    load: () => import("./commands/metric.ts"),
  },
  fuse: {
    summary: "weigh edge and cloud into one answer for offloaded images",
    load: () => import("./commands/fuse.ts"),
  },
  tune: {
    summary: "from labelled images to a published configuration, in one go",
    load: () => import("./commands/tune.ts"),
  },
  policy: {
    summary: "policies that spend a limited budget of offloads: learn, simulate, compare",
    load: () => import("./commands/policy.ts"),
  },
  controller: {
    summary: "how offloads travel over a varying link: simulate, compare with other rules",
    load: () => import("./commands/controller.ts"),
  },
  export: {
    summary: "write a model as another server reads it: a Triton repository, a KServe service",
    load: () => import("./commands/export.ts"),
  },
  cost: {
    summary: "price a million images: edge, cloud, or both, and where both does not pay",
    load: () => import("./commands/cost.ts"),
  },
};

async function main([name, ...args]: string[]): Promise<void> {
  if (name === undefined || name === "--help" || name === "help") {
    process.stdout.write(usage());
    return;
  }
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`no command "${name}"; see spillway --help`);
  const command = COMMANDS[name];
  const { run } = await command.load();
  await run(args);
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`);
  return `spillway <command> [--help]\n\n${lines.join("\n")}\n`;
}

// Whoever reads stdout may have read enough, as `head` has.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

main(process.argv.slice(2)).catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`spillway: ${message.replaceAll("\n", " ")}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
});
