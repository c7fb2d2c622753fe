// The few platform globals that are pure functions and exist on every runtime we use.
declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
}
declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array): string;
}

/** @throws for anything but base64 */
declare function atob(base64: string): string;
