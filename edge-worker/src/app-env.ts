// What a route finds in its context.
import type { Isolate } from "./isolate.ts";

export type AppEnv = {
  Bindings: Env;
  Variables: {
    isolate: Isolate;
    /** Keeps a promise running after the response. */
    background: (work: Promise<unknown>) => void;
  };
};
