// A jSquash codec (a C library compiled with Emscripten) that lends its pixels instead of copying
// them. Measured in workerd with JPEGs of 12 megapixels: a memory that WebAssembly has grown is
// never given back while its instance lives, and is collected very late after the instance is
// dropped (12 decodes with an instance each: 1.3 GB; with one kept instance: 55 MB, plus copies of
// 48 MB that wait for the garbage collector). So one instance is kept, and nothing is copied out.
import type { Pixels } from "@spillway/shared/preprocess/resize-area";

/** What jSquash's generated modules export: fills the object in and, given `instantiateWasm`, does so at once. */
export type EmscriptenFactory = (module: EmscriptenModule) => PromiseLike<unknown>;

interface EmscriptenModule {
  instantiateWasm(imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void): unknown;
  locateFile(name: string): string;
  printErr(line: string): void;
  decode?(bytes: Uint8Array, ...options: unknown[]): unknown;
}

/** Of WebAssembly. */
const PAGE_BYTES = 65_536;

export interface Codec {
  /**
   * Calls `use` with the decoded pixels, which are valid only during that call; not at all when it
   * cannot decode.
   *
   * @param maxBytes to which its memory may grow; a picture that needs more cannot be decoded
   */
  decode(bytes: Uint8Array, maxBytes: number, use: (pixels: Pixels) => void): Decoding;
  memoryBytes(): number;
}

export interface Decoding {
  /** What the library wrote about damage it found. */
  complaints: string[];
  /** The library left in the middle of its work: the codec must not be used again. */
  isBroken: boolean;
  /** It was refused memory that it asked for; when there are pixels nevertheless, it did with less. */
  isOutOfMemory: boolean;
}

/** @param options what the module's `decode` takes after the bytes */
export function createCodec(factory: EmscriptenFactory, wasm: WebAssembly.Module, options: unknown[] = []): Codec {
  let complaints: string[] = [];
  let memory: LimitedMemory | undefined;
  const module: EmscriptenModule = {
    instantiateWasm(imports, receive) {
      const instance = new WebAssembly.Instance(wasm, imports);
      memory = limitMemory(Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory));
      receive(instance);
      return instance.exports;
    },
    locateFile: (name) => name,
    printErr: (line) => complaints.push(line),
  };
  // Nothing is awaited: a promise that requests share would hang them all when the first is cancelled.
  void factory(module);
  const { decode } = module;
  if (decode === undefined || memory === undefined) {
    throw new TypeError("codec: expected a module that is ready at once");
  }
  const limit = memory;
  const lender = createLender();

  return {
    decode(bytes, maxBytes, use) {
      complaints = [];
      limit.set(maxBytes);
      const isBroken = !lender.lend(() => decode(bytes, ...options), use);
      return { complaints, isBroken, isOutOfMemory: limit.wasReached() };
    },
    memoryBytes: limit.bytes,
  };
}

interface LimitedMemory {
  set(maxBytes: number): void;
  /** Whether growth was refused since; Emscripten may then have asked for less and got it. */
  wasReached(): boolean;
  bytes(): number;
}

/**
 * Emscripten grows a memory by its method `grow`; when that throws, the library's `malloc` returns
 * null. What a picture takes can only be estimated from its header: the tables of a lossless WebP
 * of a few hundred kilobytes may take hundreds of megabytes.
 */
function limitMemory(memory: WebAssembly.Memory | undefined): LimitedMemory {
  if (memory === undefined) throw new TypeError("codec: expected a module that exports its memory");
  const grow = memory.grow.bind(memory);
  let maxBytes = 0;
  let isRefused = false;
  memory.grow = (pages) => {
    if (memory.buffer.byteLength + Math.trunc(pages) * PAGE_BYTES > maxBytes) {
      isRefused = true;
      throw new RangeError(`codec: expected to grow to at most ${maxBytes} bytes`);
    }
    return grow(pages);
  };
  return {
    set(bytes) {
      maxBytes = bytes;
      isRefused = false;
    },
    wasReached: () => isRefused,
    bytes: () => memory.buffer.byteLength,
  };
}

/**
 * The library ends with `new ImageData(new Uint8ClampedArray(view of its memory), width, height)`.
 * It takes both constructors from the global object in its first decode and keeps them. While a
 * decode runs, which is synchronous, they are ours: one returns the view itself, the other hands it on.
 */
function createLender() {
  const scope: Record<string, unknown> = globalThis as never;
  let handOn: (data: Uint8Array, width: number, height: number) => void;
  function View(view: Uint8Array) {
    return view;
  }
  function Lend(data: Uint8Array, width: number, height: number) {
    handOn(data, width, height);
  }

  return {
    /** Runs `call` and within it, when it comes to its pixels, `use`. False when `call` failed; what `use` throws is thrown. */
    lend(call: () => unknown, use: (pixels: Pixels) => void): boolean {
      const own = { Uint8ClampedArray: scope.Uint8ClampedArray, ImageData: scope.ImageData };
      const restore = () => Object.assign(scope, own);
      let thrown: { error: unknown } | undefined;
      handOn = (data, width, height) => {
        restore();
        try {
          use({ data, width, height, channels: 4 });
        } catch (error) {
          // Kept until the library has finished: thrown through it, it would never free its memory.
          thrown = { error };
        }
      };
      Object.assign(scope, { Uint8ClampedArray: View, ImageData: Lend });
      try {
        call();
      } catch {
        return false;
      } finally {
        restore();
      }
      if (thrown) throw thrown.error;
      return true;
    },
  };
}
