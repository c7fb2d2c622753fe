import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import { describe, expect, it } from "vitest";
import { readArray } from "../../../models/src/arrays/array-file.ts";
import { encodeNpy } from "../../../models/src/arrays/npy.ts";
import { readNpz, writeNpz } from "../../../models/src/arrays/npz.ts";
import { golden, goldenNumbers, lineOf, temporaryFolder } from "./folder.ts";

const { folder, write, writeArray } = temporaryFolder();
const row = { shape: [1, 3], data: Float32Array.of(1, 2, 3) };

async function writeZip(name: string, members: Record<string, Uint8Array>, options = {}): Promise<string> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false, ...options });
  for (const [member, bytes] of Object.entries(members)) await zip.add(member, new Uint8ArrayReader(bytes));
  return write(name, await zip.close());
}

describe("readNpz", () => {
  it.each(["stored.npz", "deflated.npz"])("reads what NumPy wrote: %s", async (name) => {
    const arrays = await readNpz(golden(name));
    expect([...arrays]).toEqual([
      ["exit1", { shape: [3, 4], data: Float32Array.from(goldenNumbers("float32", 12)) }],
      ["exit2", { shape: [2, 3], data: Float64Array.from(goldenNumbers("float64", 6)) }],
      ["labels", { shape: [5], data: BigInt64Array.from(goldenNumbers("int64", 5), BigInt) }],
    ]);
  });

  it("refuses a missing file, a directory and an archive of nothing", async () => {
    const missing = path.join(folder, "missing.npz");
    expect(await lineOf(() => readNpz(missing))).toBe(`${missing}: no such file`);
    expect(await lineOf(() => readNpz(folder))).toBe(`${folder}: expected a file, got a directory`);
    const empty = await writeZip("empty.npz", {});
    expect(await lineOf(() => readNpz(empty))).toBe(`${empty}: expected arrays, got an empty archive`);
  });

  it("refuses what is no archive", async () => {
    for (const bytes of [encodeNpy(row), new Uint8Array(), readFileSync(golden("stored.npz")).subarray(0, 500)]) {
      const file = write("no-archive.npz", bytes);
      expect(await lineOf(() => readNpz(file))).toMatch(`${file}: is no .npz archive, or a damaged one (`);
    }
  });

  it.each(["stored.npz", "deflated.npz"])(
    "no second byte of %s, damaged, changes a number or crashes",
    async (name) => {
      const whole = readFileSync(golden(name));
      const arrays = await readNpz(golden(name));
      for (let at = 0; at < whole.length; at += 2) {
        const file = write("damaged.npz", whole.with(at, whole[at] ^ 0xff));
        const outcome = await readNpz(file).catch((error: Error) => error);
        if (outcome instanceof Error) expect(outcome.message).toMatch(/^[^\r\n]*damaged\.npz:[^\r\n]+$/);
        // Times, versions and names are no numbers; the numbers themselves are guarded by the CRC-32.
        else expect([...outcome.values()]).toEqual([...arrays.values()]);
      }
    },
  );

  it("refuses sizes that deflate cannot reach, before memory is taken for them", async () => {
    const whole = readFileSync(golden("deflated.npz"));
    const directory = whole.indexOf("PK\x01\x02", 0, "latin1");
    const view = new DataView(whole.buffer, whole.byteOffset);
    const compressed = view.getUint32(directory + 20, true);
    view.setUint32(directory + 24, compressed * 1032 + 1024, true);
    expect(await lineOf(() => readNpz(write("at.npz", whole)))).not.toContain("cannot inflate");
    view.setUint32(directory + 24, compressed * 1032 + 1025, true);
    const file = write("beyond.npz", whole);
    expect(await lineOf(() => readNpz(file))).toBe(
      `${file}:exit1: is damaged: ${compressed} bytes cannot inflate to ${compressed * 1032 + 1025}`,
    );
  });

  it("names the member that is no array, encrypted, or there twice", async () => {
    const text = await writeZip("text.npz", { "exit1.npy": encodeNpy(row), "note.txt": Buffer.from("hello, world") });
    expect(await lineOf(() => readNpz(text))).toMatch(`${text}:note.txt: expected a .npy array`);
    const secret = await writeZip("secret.npz", { "exit1.npy": encodeNpy(row) }, { password: "p" });
    expect(await lineOf(() => readNpz(secret))).toMatch(`${secret}:exit1: is damaged or not readable (`);
    const twice = await writeZip("twice.npz", { "exit1.npy": encodeNpy(row), exit1: encodeNpy(row) });
    expect(await lineOf(() => readNpz(twice))).toBe(`${twice}: has two arrays "exit1"`);
  });
});

describe("writeNpz", () => {
  it("writes what readNpz reads, the same bytes each time", async () => {
    const arrays = {
      exit1: { shape: [2, 300], data: Float32Array.from({ length: 600 }, (_, k) => k / 7) },
      "exit 2.v3": { shape: [], data: Float64Array.of(-0) },
      __proto: { shape: [2], data: BigInt64Array.of(2n ** 63n - 1n, -(2n ** 63n)) },
    };
    const [first, second] = ["first.npz", "second.npz"].map((name) => path.join(folder, name));
    await writeNpz(first, arrays);
    await writeNpz(second, arrays);
    expect([...(await readNpz(first))]).toEqual(Object.entries(arrays));
    expect(readFileSync(first).equals(readFileSync(second))).toBe(true);
    // The time in the first member's head: midnight of 1 January 1980, whenever it was written.
    expect(readFileSync(first).readUInt32LE(10)).toBe(0x00210000);
  });

  it("deflates", async () => {
    const file = path.join(folder, "zeros.npz");
    await writeNpz(file, { zeros: { shape: [10_000], data: new Float64Array(10_000) } });
    expect(readFileSync(file).length).toBeLessThan(1000);
  });

  it("leaves the old file alone, and nothing else, when an array cannot be written", async () => {
    const own = path.join(folder, "own");
    mkdirSync(own);
    const file = path.join(own, "E.npz");
    await writeNpz(file, { row });
    const before = readFileSync(file);
    await expect(writeNpz(file, { row, wrong: { shape: [4], data: new Float32Array(3) } })).rejects.toThrow(RangeError);
    expect(readFileSync(file).equals(before)).toBe(true);
    expect(readdirSync(own)).toEqual(["E.npz"]);
  });

  it("says in one line where it cannot write", async () => {
    const nowhere = path.join(folder, "nowhere", "E.npz");
    expect(await lineOf(() => writeNpz(nowhere, { row }))).toBe(`${nowhere}: cannot be written (ENOENT)`);
    const taken = path.join(folder, "taken.npz");
    mkdirSync(taken);
    expect(await lineOf(() => writeNpz(taken, { row }))).toMatch(/^[^\n]*taken\.npz: cannot be written \(E[A-Z]+\)$/);
    expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
  });

  it.each(["", "a/b", "a\\b", "E:exit1", "two\nlines", ".."])("refuses the name %j", async (name) => {
    await expect(writeNpz(path.join(folder, "names.npz"), { [name]: row })).rejects.toThrow(RangeError);
  });

  it("refuses to write nothing", async () => {
    await expect(writeNpz(path.join(folder, "nothing.npz"), {})).rejects.toThrow("expected at least one, got none");
  });
});

describe("readArray", () => {
  it("reads a .npy file, a named array of an archive, and the only one of an archive", async () => {
    expect(await readArray(writeArray("P.npy", row))).toEqual(row);
    expect((await readArray(`${golden("stored.npz")}:exit2`)).shape).toEqual([2, 3]);
    const only = await readArray(golden("single.npz"));
    expect(only).toEqual({ shape: [3, 4], data: Float32Array.from(goldenNumbers("float32", 12)) });
    expect(await readArray(`${golden("single.npz")}:probabilities`)).toEqual(only);
  });

  it("lists the arrays where the reference leaves open which, or names none of them", async () => {
    const file = golden("stored.npz");
    const names = '"exit1", "exit2", "labels"';
    expect(await lineOf(() => readArray(file))).toBe(
      `${file}: expected one array, got 3; append :NAME for one of ${names}`,
    );
    expect(await lineOf(() => readArray(`${file}:exit3`))).toBe(`${file}: has no array "exit3", only ${names}`);
  });

  it("lists at most twenty", async () => {
    const names = Array.from({ length: 21 }, (_, index) => `exit${index}`);
    const file = path.join(folder, "many.npz");
    await writeNpz(file, Object.fromEntries(names.slice(0, 20).map((name) => [name, row])));
    expect(await lineOf(() => readArray(file))).toMatch(/"exit18", "exit19"$/);
    await writeNpz(file, Object.fromEntries(names.map((name) => [name, row])));
    expect(await lineOf(() => readArray(file))).toMatch(/"exit18", "exit19", and 1 more$/);
  });

  it("takes a colon elsewhere for part of the path", async () => {
    const file = path.join(folder, "P.npy:exit1");
    expect(await lineOf(() => readArray(file))).toBe(`${file}: no such file`);
    mkdirSync(path.join(folder, "a.npz:b"));
    expect(await readArray(writeArray("a.npz:b/P.npy", row))).toEqual(row);
  });
});
