// The bindings of wrangler.toml. Variables and secrets are read and checked in environment.ts.
interface Env {
  CONFIG: KVNamespace;
  OFFLOAD_GATE: DurableObjectNamespace<import("./bucket/offload-gate.ts").OffloadGate>;
  CLIENT_STREAMS: DurableObjectNamespace<import("./stream/client-streams.ts").ClientStreams>;
}
declare namespace Cloudflare {
  interface Env extends globalThis.Env {}
}
