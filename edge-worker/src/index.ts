import { modelBundle } from "../generated/model.ts";
import { createApp } from "./app.ts";

export { OffloadGate } from "./bucket/offload-gate.ts";
export { ClientStreams } from "./stream/client-streams.ts";
export default createApp(modelBundle);
