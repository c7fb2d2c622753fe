// onnxruntime-web inside workerd. workerd refuses to compile WebAssembly from bytes at run time, and
// the runtime offers no hook for a module that is compiled already; so while it starts, and only
// then, WebAssembly.instantiate hands it the module that the bundle compiled.

import runtimeModule from "onnxruntime-web/ort-wasm-simd-threaded.wasm";
import * as ort from "onnxruntime-web/wasm";

const SESSION_OPTIONS: ort.InferenceSession.SessionOptions = {
  executionProviders: ["wasm"],
  graphOptimizationLevel: "all",
  logSeverityLevel: 3,
};

let isStarted = false;

/** A session over an ONNX file's bytes, on one thread. The first call also starts the runtime. */
export async function createSession(model: Uint8Array): Promise<ort.InferenceSession> {
  if (isStarted) return ort.InferenceSession.create(model, SESSION_OPTIONS);
  ort.env.wasm.numThreads = 1;
  // Any bytes do: they only keep the runtime from fetching the file.
  ort.env.wasm.wasmBinary = new ArrayBuffer(8);
  const instantiate = WebAssembly.instantiate;
  WebAssembly.instantiate = (async (_bytes: BufferSource, imports: WebAssembly.Imports) => ({
    module: runtimeModule,
    instance: new WebAssembly.Instance(runtimeModule, imports),
  })) as unknown as typeof WebAssembly.instantiate;
  try {
    const session = await ort.InferenceSession.create(model, SESSION_OPTIONS);
    isStarted = true;
    return session;
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

export { ort };
