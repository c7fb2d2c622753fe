import fc from "fast-check";
import { expect, it } from "vitest";
import { GrowingBuffer } from "../../../cloud-backend/src/routes/growing-buffer.ts";

it("holds what was appended, in its order", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), (pieces) => {
      const buffer = new GrowingBuffer();
      let length = 0;
      for (const piece of pieces) {
        buffer.append(piece);
        length += piece.byteLength;
        expect(buffer.length).toBe(length);
      }
      const bytes = buffer.take();
      expect([...bytes]).toEqual(pieces.flatMap((piece) => [...piece]));
      expect(bytes.buffer.byteLength).toBe(length);
    }),
    { seed: 31 },
  );
});

it("copies: what becomes of a piece afterwards does not matter", () => {
  const buffer = new GrowingBuffer();
  const piece = Buffer.from("abc");
  buffer.append(piece);
  piece.fill(0);
  expect(Buffer.from(buffer.take()).toString()).toBe("abc");
});

it("is empty once it is taken, and can be filled again", () => {
  const buffer = new GrowingBuffer();
  expect(buffer.take()).toHaveLength(0);
  buffer.append(Uint8Array.of(1));
  const first = buffer.take();
  buffer.append(Uint8Array.of(2, 3));
  expect([...first]).toEqual([1]);
  expect([...buffer.take()]).toEqual([2, 3]);
});

it("a million pieces of one byte take about a megabyte", () => {
  const buffer = new GrowingBuffer();
  const piece = Uint8Array.of(7);
  const before = process.memoryUsage().arrayBuffers;
  for (let count = 0; count < 1_000_000; count++) buffer.append(piece);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4_000_000);
  expect(buffer.take()).toHaveLength(1_000_000);
});

it("is empty once it is freed, and can be filled again", () => {
  const buffer = new GrowingBuffer();
  buffer.append(Uint8Array.of(1, 2));
  buffer.free();
  buffer.free();
  expect(buffer.length).toBe(0);
  buffer.append(Uint8Array.of(3));
  expect([...buffer.take()]).toEqual([3]);
});
