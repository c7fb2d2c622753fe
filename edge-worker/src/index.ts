import { createApp } from "./app.ts";
import { sharedIsolate } from "./shared-isolate.ts";

export { OffloadGate } from "./bucket/offload-gate.ts";
export { ClientStreams } from "./stream/client-streams.ts";
export default createApp(sharedIsolate);
