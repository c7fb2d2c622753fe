// Compressed bodies: which codings, how much is unpacked at a time, and what is damaged.
import { constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it, vi } from "vitest";
import {
  type ContentCoding,
  contentCoding,
  DamagedCoding,
  unpacked,
} from "../../../cloud-backend/src/routes/content-coding.ts";
import { samplePixels } from "../setup/messages.ts";

const text = Buffer.from("hello, hello, hello ".repeat(500));
const pack: Record<ContentCoding, (data: Uint8Array) => Buffer> = {
  gzip: gzipSync,
  deflate: deflateSync,
  zstd: zstdCompressSync,
};
const CODINGS = Object.keys(pack) as ContentCoding[];

describe("contentCoding", () => {
  it.each([
    [undefined, null],
    ["identity", null],
    ["Identity", null],
    ["gzip", "gzip"],
    [" GZIP ", "gzip"],
    ["x-gzip", "gzip"],
    ["deflate", "deflate"],
    ["zstd", "zstd"],
  ])("of %j is %j", (header, coding) => {
    expect(contentCoding(header)).toEqual({ ok: true, value: coding });
  });

  it.each(["br", "", "gzip, gzip", "gzip, identity", "gzip;q=1", "compress", "*"])("refuses %j", (header) => {
    expect(contentCoding(header)).toEqual({
      ok: false,
      reason: "unsupported-type",
      message: "Content-Encoding: expected at most one of gzip, deflate, zstd",
    });
  });
});

describe.each(CODINGS)("%s", (coding) => {
  it.each([1, 7, 100_000])("is unpacked from pieces of %d bytes", async (size) => {
    const source = pieces(pack[coding](text), size);
    expect(await whole(coding, source)).toEqual(text);
    expect(source.isClosed).toBe(true);
  });

  it.each<[string, (data: Buffer) => Buffer]>([
    ["nothing at all", () => Buffer.alloc(0)],
    ["its first byte", (data) => data.subarray(0, 1)],
    ["all but its last byte", (data) => data.subarray(0, -1)],
    ["another coding's", () => pack[coding === "gzip" ? "zstd" : "gzip"](text)],
    ["no coding's", () => text],
    ["something after its end", (data) => Buffer.concat([data, Buffer.from("!")])],
  ])("is refused when it is %s", async (_, damage) => {
    await expect(whole(coding, pieces(damage(pack[coding](text)), 1000))).rejects.toThrow(
      new RegExp(`^body: damaged or incomplete ${coding} data`),
    );
  });

  it("comes in chunks of 64 KiB, however much it holds", async () => {
    const bomb = pack[coding](Buffer.alloc(64_000_000));
    expect(bomb.byteLength).toBeLessThan(64_000);
    let bytes = 0;
    for await (const chunk of unpacked(pieces(bomb, 100), coding)) {
      expect(chunk.byteLength).toBeLessThanOrEqual(65_536);
      bytes += chunk.byteLength;
    }
    expect(bytes).toBe(64_000_000);
  });

  it("is read no further than it is wanted, but for what streams buffer", async () => {
    const source = pieces(pack[coding](samplePixels(1000)), 10_000);
    let bytes = 0;
    for await (const chunk of unpacked(source, coding)) {
      bytes += chunk.byteLength;
      if (bytes > 1_000_000) break;
    }
    expect(source.taken).toBeLessThan(bytes + 300_000);
    await vi.waitFor(() => expect(source.isClosed).toBe(true));
  });

  it("throws what its source throws", async () => {
    const gone = new RangeError("the client is gone");
    async function* failing() {
      yield pack[coding](text).subarray(0, 10);
      throw gone;
    }
    await expect(whole(coding, failing())).rejects.toBe(gone);
  });
});

describe("beside the rule", () => {
  it("gzip may have several parts", async () => {
    expect(await whole("gzip", pieces(Buffer.concat([gzipSync(text), gzipSync(text)]), 7))).toEqual(
      Buffer.concat([text, text]),
    );
  });

  it("a second frame of zstd is refused: Node would pass over it", async () => {
    const twice = Buffer.concat([zstdCompressSync(text), zstdCompressSync(text)]);
    await expect(whole("zstd", pieces(twice, 1000))).rejects.toThrow(DamagedCoding);
  });

  it("deflate without zlib's header is not HTTP's", async () => {
    await expect(whole("deflate", pieces(deflateRawSync(text), 1000))).rejects.toThrow(DamagedCoding);
  });

  it.each([
    [23, true],
    [24, false],
  ])("zstd that looks back 2^%d bytes: %s", async (windowLog, isTaken) => {
    const params = { [constants.ZSTD_c_windowLog]: windowLog, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const large = Buffer.alloc(2 ** 24 + 1);
    const data = zstdCompressSync(large, { params });
    const result = whole("zstd", pieces(data, 100_000));
    if (isTaken) expect((await result).byteLength).toBe(large.byteLength);
    else await expect(result).rejects.toThrow(/or a window of more than 8388608 bytes$/);
  });
});

/** A source that knows how much was taken from it. */
function pieces(data: Uint8Array, size: number) {
  async function* generate() {
    try {
      for (let at = 0; at < data.byteLength; at += size) {
        const piece = data.subarray(at, at + size);
        source.taken += piece.byteLength;
        yield piece;
      }
    } finally {
      source.isClosed = true;
    }
  }
  const source = Object.assign(generate(), { taken: 0, isClosed: false });
  return source;
}

async function whole(coding: ContentCoding, source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of unpacked(source, coding)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
