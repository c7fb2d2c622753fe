import { truncateSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeNpy } from "../../../models/src/arrays/npy.ts";
import { BLOCK_BYTES, openRows, type Rows } from "../../../models/src/arrays/row-blocks.ts";
import { golden, goldenNumbers, lineOf, temporaryFolder } from "./folder.ts";

const { writeArray } = temporaryFolder();

/** Every block, its values copied before the next overwrites them. */
async function collect(rows: Rows) {
  const blocks = [];
  for await (const { firstRow, rows: count, values } of rows.blocks()) {
    blocks.push({ firstRow, rows: count, values: values.slice() });
  }
  return blocks;
}

const counted = (rows: number, columns: number) => ({
  shape: [rows, columns],
  data: Float32Array.from({ length: rows * columns }, (_, k) => k % 65_521),
});

describe("openRows", () => {
  const kinds = [
    ["float32-c.npy", Float32Array, 4, 12],
    ["float64-c.npy", Float64Array, 4, 12],
    ["version-3.npy", Float32Array, 4, 12],
    ["stored.npz:exit2", Float64Array, 3, 6],
    ["single.npz", Float32Array, 4, 12],
  ] as const;

  it.each(kinds)("reads %s", async (name, Type, columns, count) => {
    const rows = await openRows(golden(name));
    expect(rows).toMatchObject({ rows: count / columns, columns, name: golden(name) });
    const values = Type.from(goldenNumbers("float64", count));
    expect(await collect(rows)).toEqual([{ firstRow: 0, rows: count / columns, values }]);
  });

  it("reads a matrix in Fortran order as its transpose lies in C order", async () => {
    const text = encodeNpy({ shape: [2, 3], data: Float32Array.of(1, 4, 2, 5, 3, 6) });
    const file = writeArray("F.npy", { shape: [1], data: Float32Array.of(0) });
    writeFileSync(file, Buffer.from(Buffer.from(text).toString("latin1").replace("False", "True "), "latin1"));
    const [block] = await collect(await openRows(file));
    expect(block.values).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
  });

  it.each([
    ["a block and no more", 1024, [1024]],
    ["a block and a row", 1025, [1024, 1]],
    ["blocks without a rest", 2048, [1024, 1024]],
  ])("cuts %s", async (_name, rows, expected) => {
    const columns = BLOCK_BYTES / 4 / 1024;
    const array = counted(rows, columns);
    const opened = await openRows(writeArray("cut.npy", array));
    const blocks = await collect(opened);
    expect(blocks.map((block) => block.rows)).toEqual(expected);
    expect(blocks.map((block) => block.firstRow)).toEqual(expected.map((_, index) => index * 1024));
    blocks.forEach(({ firstRow, values }) => {
      const end = firstRow * columns + values.length;
      expect(Buffer.from(values.buffer).equals(Buffer.from(array.data.slice(firstRow * columns, end).buffer))).toBe(
        true,
      );
    });
    // Each call begins anew.
    expect((await collect(opened)).length).toBe(expected.length);
  });

  it("gives a row longer than a block a block of its own", async () => {
    const columns = BLOCK_BYTES / 4 + 1;
    const blocks = await collect(await openRows(writeArray("long.npy", counted(2, columns))));
    expect(blocks.map(({ firstRow, rows, values }) => [firstRow, rows, values.length])).toEqual([
      [0, 1, columns],
      [1, 1, columns],
    ]);
  });

  it("reuses one buffer", async () => {
    const rows = await openRows(writeArray("reuse.npy", counted(3, BLOCK_BYTES / 4)));
    const buffers = new Set();
    for await (const { values } of rows.blocks()) buffers.add(values.buffer);
    expect(buffers.size).toBe(1);
  });

  it("puts the blocks together to the array, whatever its shape", async () => {
    const lengths = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(lengths, lengths, async (rows, columns) => {
        const array = counted(rows, columns);
        const blocks = await collect(await openRows(writeArray("any.npy", array)));
        expect(blocks.flatMap(({ values }) => [...values])).toEqual([...array.data]);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    ["vector.npy", "expected shape (rows, columns), got (10,)"],
    ["scalar.npy", "expected shape (rows, columns), got ()"],
    ["float32-fortran.npy", "expected shape (rows, columns), got (2, 3, 4)"],
    ["int64-c.npy", "expected float32 or float64 numbers, got integers"],
    ["stored.npz:labels", "expected shape (rows, columns), got (5,)"],
  ])("refuses %s", async (name, message) => {
    expect(await lineOf(() => openRows(golden(name)))).toBe(`${golden(name)}: ${message}`);
  });

  it("notices a file that is cut or replaced between its blocks", async () => {
    const array = counted(2, BLOCK_BYTES / 4);
    const file = writeArray("changing.npy", array);
    const rows = await openRows(file);
    const line = await lineOf(async () => {
      for await (const { firstRow } of rows.blocks()) if (firstRow === 0) truncateSync(file, BLOCK_BYTES + 1000);
    });
    expect(line).toMatch(`${file}: is cut short: expected ${BLOCK_BYTES} bytes from ${BLOCK_BYTES + 128} on, got 872`);
    writeArray("changing.npy", counted(1, 5));
    expect(await lineOf(() => collect(rows))).toBe(`${file}: was replaced while it was read`);
  });
});
