// The part of the runtime's node:zlib in use; compatibility dates from 2026-08-04 on include it.
declare module "node:zlib" {
  export function crc32(data: Uint8Array): number;
  /** @throws Error when the data is damaged, ends early or inflates to more than `maxOutputLength` */
  export function inflateSync(data: Uint8Array, options: { chunkSize: number; maxOutputLength: number }): Uint8Array;
}
