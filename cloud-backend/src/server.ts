// The entry: reads the configuration, serves by it until a signal comes, and exits.
import { helpText, readConfiguration } from "./configuration.ts";
import { createLog } from "./log.ts";
import { serve } from "./serve.ts";

// ONNX Runtime tells Microsoft of its use unless told not to; its threads see this as well.
process.env.ORT_DISABLE_TELEMETRY ??= "1";
// SageMaker starts a container with the argument `serve`.
const [flag] = process.argv.slice(2).filter((argument) => argument !== "serve");
if (flag === "--help") console.log(helpText());
else if (flag !== undefined) process.exitCode = refuse(`unknown argument ${flag}; --help lists what can be set`);
else process.exit(await main());

/** @returns the exit code */
async function main(): Promise<number> {
  const stop = stopOnSignals();
  const configuration = await readConfiguration(process.env);
  if (!configuration.ok) return refuse(configuration.error);
  const served = await serve(configuration.value, createLog(configuration.value.logLevel), stop);
  return served.ok ? served.value : refuse(served.error);
}

/** A second signal finds no handler left and ends the process at once. */
function stopOnSignals(): AbortController {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => stop.abort(signal));
  return stop;
}

function refuse(error: string): 1 {
  console.error(`cloud-backend: ${error}`);
  return 1;
}
