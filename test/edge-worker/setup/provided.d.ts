import "vitest";

declare module "vitest" {
  /** Of one picture, at one setting. */
  interface OfflineAnswer {
    /** The encoded picture, in base64. */
    picture: string;
    setting: string;
    /** [classes] */
    logits: number[];
    frameBytes: number;
  }
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
    /** What the shipped model's tail says offline; empty as long as it has none. */
    offlineTail: OfflineAnswer[];
    /** A v2 server that is not ours, with the shipped model's tail. */
    plainShippedUrl: string;
    /** Nothing listens here. */
    refusingUrl: string;
  }
}
