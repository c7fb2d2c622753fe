// Whether an ONNX file is what its manifest says: a server that is told the wrong shape refuses the
// model at its start, or every request.
import { signatureOf, signatureProblem } from "@spillway/shared/protocol/graph-signature";
import type { CloudGraph } from "@spillway/shared/schema/cloud-graphs";
import { InferenceSession } from "onnxruntime-node";

/**
 * The graph must take exactly the promised inputs, and give at least the promised outputs.
 *
 * @throws Error with one line that names the file
 */
export async function checkGraph(
  { file, signature }: Pick<CloudGraph, "file" | "signature">,
  bytes: Uint8Array,
): Promise<void> {
  const session = await openSession(file, bytes);
  try {
    const found = signatureOf(session);
    const problem = typeof found === "string" ? found : signatureProblem(found, signature);
    if (problem !== null) throw new Error(`${file}: ${problem}`);
  } finally {
    await session.release();
  }
}

async function openSession(file: string, bytes: Uint8Array): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  } catch (error) {
    throw new Error(`${file}: cannot be loaded (${(error as Error).message})`);
  }
}
