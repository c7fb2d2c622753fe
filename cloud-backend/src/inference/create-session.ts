// Makes a session on the first execution provider that can be had. ONNX Runtime itself throws when a
// provider's libraries are missing: falling back is only done where the configuration says to what.
import { InferenceSession } from "onnxruntime-node";
import type { Provider } from "./serving-options.ts";

export interface CreatedSession {
  session: InferenceSession;
  provider: Provider;
}

/** @throws Error of the last provider when none can be had, naming each */
export async function createSession(
  file: Uint8Array,
  providers: readonly Provider[],
  threads: number,
): Promise<CreatedSession> {
  const errors: string[] = [];
  for (const provider of providers) {
    try {
      // It would write what we log ourselves to stderr, in lines that no JSON reader takes.
      const options = { executionProviders: [provider], intraOpNumThreads: threads, logSeverityLevel: 4 as const };
      return { session: await InferenceSession.create(file, options), provider };
    } catch (error) {
      errors.push(`${provider}: ${(error as Error).message.split("\n", 1)[0]}`);
    }
  }
  throw new Error(`no execution provider can run it (${errors.join("; ")})`);
}
