import "vitest";

declare module "vitest" {
  interface ProvidedContext {
    cloudUrl: string;
    faultyUrl: string;
    /** manifest.json of a small model with a tail. */
    smallManifest: string;
    /** Our backend, with that model. */
    smallCloudUrl: string;
    /** A v2 server that is not ours, with its graphs as they are. */
    plainUrl: string;
    /** Another, which has but the large model. */
    taillessUrl: string;
    /** Nothing listens here. */
    refusingUrl: string;
  }
}
