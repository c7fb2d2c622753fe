import "vitest";

declare module "vitest" {
  interface ProvidedContext {
    cloudUrl: string;
    faultyUrl: string;
    /** Nothing listens here. */
    refusingUrl: string;
  }
}
