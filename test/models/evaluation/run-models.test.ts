// The shipped model over the same pixels in both forms of labelled images, and a tiny family for its tail.
import path from "node:path";
import { takeRows } from "@spillway/shared/calibration/row-major";
import { decodeFrame, encodeFrame } from "@spillway/shared/split/frame";
import { dequantiseFeatures, quantiseFeatures } from "@spillway/shared/split/quantiser";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { type ModelRun, runModels } from "../../../models/src/evaluation/run-models.ts";
import { BrokenImageError, type LabelledImages } from "../../../models/src/images/labelled-images.ts";
import { openImages } from "../../../models/src/images/open-images.ts";
import { type ModelFolder, openModelFolder } from "../../../models/src/model-folder.ts";
import { noise, pictureOf, temporaryFolder, writeAt } from "../images/picture-folder.ts";
import { FEATURES, SETTINGS, SIDE as TINY_SIDE, tinyFamily } from "./tiny-family.ts";

const COUNT = 100;
const SIDE = 32;
const root = temporaryFolder();
const all = Array.from({ length: COUNT }, (_, index) => index);
const tileOf = (index: number) => noise(SIDE * SIDE * 3, index + 1);

let folder: ModelFolder;
let mosaic: LabelledImages;
let mosaicRun: ModelRun;

/** Every tile as a PNG in the folder of its class. */
async function writeClassFolders(name: string): Promise<string> {
  for (const index of all) {
    const png = await pictureOf(tileOf(index), SIDE, SIDE).png().toBuffer();
    writeAt(root, `${name}/${folder.manifest.labels[index]}/tile.png`, png);
  }
  return path.join(root, name);
}

beforeAll(async () => {
  folder = await openModelFolder("models/cifar100");
  const pixels = new Uint8Array(COUNT * SIDE * SIDE * 3);
  for (const index of all) {
    const tile = tileOf(index);
    for (let row = 0; row < SIDE; row++) {
      pixels.set(tile.subarray(row * SIDE * 3, (row + 1) * SIDE * 3), (row * COUNT + index) * SIDE * 3);
    }
  }
  const png = await pictureOf(pixels, COUNT * SIDE, SIDE)
    .png()
    .toBuffer();
  mosaic = await openImages(writeAt(root, "mosaic.png", png), folder.manifest);
  mosaicRun = await runModels(folder, mosaic, all);
});

const rowOf = (run: ModelRun, row: number) =>
  [...run.exits, run.large].map((member) => member.subarray(row * run.classes, (row + 1) * run.classes));

/** Batches of another size may add up in another order. */
function expectClose(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  actual.forEach((logits, member) => {
    const differences = logits.map((value, k) => Math.abs(value - expected[member][k]));
    expect(Math.max(...differences)).toBeLessThan(1e-3);
  });
}

describe("runModels", () => {
  it("gives the same logits for a folder as for a mosaic of the same pixels, bit for bit", async () => {
    const images = await openImages(await writeClassFolders("same"), folder.manifest);
    expect(images.labels).toEqual(mosaic.labels);
    const run = await runModels(folder, images, all);
    expect(run).toEqual(mosaicRun);
    expect(run).toMatchObject({ rows: COUNT, classes: 100, indices: all });
    expect(run.exits).toHaveLength(folder.manifest.edge.stages.length);
    for (const member of [...run.exits, run.large]) expect(member).toHaveLength(COUNT * 100);
  });

  it("computes what the graphs compute on one image", async () => {
    const { edge, cloud } = folder.manifest;
    const { mean, std } = edge.preprocessing;
    const tile = tileOf(37);
    const planes = Float32Array.from({ length: tile.length }, (_, at) => {
      const [channel, position] = [Math.floor(at / (SIDE * SIDE)), at % (SIDE * SIDE)];
      return (tile[position * 3 + channel] / 255 - mean[channel]) / std[channel];
    });
    const first = await InferenceSession.create(path.join(folder.path, edge.stages[0].file));
    const large = await InferenceSession.create(path.join(folder.path, cloud.large.file));
    const stage = await first.run({ [edge.input.name]: new Tensor("float32", planes, [1, 3, SIDE, SIDE]) });
    const answer = await large.run({ [cloud.large.input.name]: new Tensor("uint8", tile, [1, SIDE, SIDE, 3]) });
    const [exit1, , , largeRow] = rowOf(mosaicRun, 37);
    expectClose([exit1, largeRow], [stage.logits.data as Float32Array, answer.logits.data as Float32Array]);
  });

  it("keeps the order that was asked for", async () => {
    const run = await runModels(folder, mosaic, [99, 3, 50]);
    expect(run.indices).toEqual([99, 3, 50]);
    for (const [row, index] of run.indices.entries()) expectClose(rowOf(run, row), rowOf(mosaicRun, index));
  });

  it("tells of images as they are done, to the last", async () => {
    const told: number[] = [];
    await runModels(folder, mosaic, all.slice(0, 60), { progress: (done) => told.push(done) });
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    expect(told.at(-1)).toBe(60);
  });

  it("ends with a broken image, or leaves it out and moves the rows together", async () => {
    const source = await writeClassFolders("broken");
    const broken = [0, 26, 99].map((index) =>
      writeAt(source, `${folder.manifest.labels[index]}/tile.png`, "not a picture"),
    );
    const images = await openImages(source, folder.manifest);
    await expect(runModels(folder, images, all)).rejects.toThrow(
      new BrokenImageError(`${broken[0]}: expected a JPEG, PNG or WebP image`),
    );
    const heard: string[] = [];
    let done = 0;
    const run = await runModels(folder, images, all, {
      onBroken: ({ message }) => heard.push(message.split(":")[0]),
      progress: (images) => {
        done = images;
      },
    });
    expect(heard.toSorted()).toEqual(broken.toSorted());
    expect(done).toBe(COUNT);
    expect(run.indices).toEqual(all.filter((index) => ![0, 26, 99].includes(index)));
    expect(run.rows).toBe(97);
    expect(run.large).toHaveLength(97 * 100);
    for (const [row, index] of run.indices.entries()) expectClose(rowOf(run, row), rowOf(mosaicRun, index));
  });

  it("gives no rows where every image is broken, or none was chosen", async () => {
    const images = { ...mosaic, read: () => Promise.reject(new BrokenImageError("x")) };
    expect(await runModels(folder, images, all, { onBroken: () => {} })).toMatchObject({ rows: 0, indices: [] });
    expect(await runModels(folder, mosaic, [])).toMatchObject({ rows: 0, indices: [] });
  });

  it("says which graph is missing or is not the manifest's", async () => {
    const elsewhere = { ...folder, path: root };
    await expect(runModels(elsewhere, mosaic, [0])).rejects.toThrow(/\.onnx: cannot be read \(ENOENT[^\n]*$/);
    for (const { file } of [...folder.manifest.edge.stages, folder.manifest.cloud.large]) writeAt(root, file, "?");
    await expect(runModels(elsewhere, mosaic, [0])).rejects.toThrow(/\.onnx: SHA-256 differs from manifest\.json$/);
  });

  it("says which graph does not give the logits that were promised", async () => {
    const { manifest } = folder;
    const [stage, ...stages] = manifest.edge.stages;
    const wrong = { ...manifest, edge: { ...manifest.edge, stages: [{ ...stage, logits: "scores" }, ...stages] } };
    await expect(runModels({ ...folder, manifest: wrong }, mosaic, [0, 1])).rejects.toThrow(
      `${stage.file}: expected an output "scores" of float32 [2, 100], got none`,
    );
  });
});

describe("the tail", () => {
  const tiles = all.map((index) => noise(TINY_SIDE * TINY_SIDE * 3, index + 1));
  const tiny: LabelledImages = {
    count: COUNT,
    labels: Int32Array.from(all, (index) => index % 3),
    name: "tiny",
    read: async (index) => ({
      data: tiles[index],
      width: TINY_SIDE,
      height: TINY_SIDE,
      channels: 3,
      orientation: 1 as const,
    }),
  };
  let family: ModelFolder;
  beforeAll(async () => {
    family = await tinyFamily(root);
  });

  /** What the tiny stage makes of a tile. */
  function featuresOf(tile: Uint8Array): Float32Array {
    const [, height, width] = FEATURES.shape;
    const colours = [0, 1, 2].map((channel) =>
      Array.from({ length: height * width }, (_, at) => {
        const pixel = Math.floor(at / width) * TINY_SIDE + (at % width);
        return Math.fround(tile[pixel * 3 + channel] / 255);
      }),
    );
    const grey = colours[0].map((_, at) => (colours[0][at] + colours[1][at] + colours[2][at]) / 3);
    return Float32Array.from([...colours, grey].flat());
  }

  it("says at each setting what its graph says of the features that a frame carries", async () => {
    const { tail } = await runModels(family, tiny, all, { withTail: true });
    const settings = family.manifest.cloud.tail?.settings ?? [];
    expect(tail.map(({ setting }) => setting)).toEqual(SETTINGS);
    for (const [index, { logits, frameBytes }] of tail.entries()) {
      for (const row of all) {
        const quantised = quantiseFeatures(featuresOf(tiles[row]), FEATURES.shape, settings[index]);
        const frame = encodeFrame(quantised);
        expect(frameBytes?.[row]).toBe(frame.byteLength);
        const decoded = decodeFrame(frame, { shape: FEATURES.shape, settings });
        if (!decoded.ok) throw new Error(decoded.reason);
        const values = dequantiseFeatures(decoded.features);
        // The graph's matrices hold a rising number in each place, and channels count that the setting sends.
        const expected = [0, 1, 2].map((label) =>
          Array.from({ length: settings[index].channels }, (_, channel) => {
            const mean = values.subarray(channel * 6, (channel + 1) * 6).reduce((sum, value) => sum + value, 0) / 6;
            return (mean * (index * 12 + channel * 3 + label)) / 10;
          }).reduce((sum, part) => sum + part, 0),
        );
        [...logits.subarray(row * 3, (row + 1) * 3)].forEach((value, label) => {
          expect(value).toBeCloseTo(expected[label], 4);
        });
      }
    }
  });

  it("is left out unless asked for, and of a model that has none", async () => {
    expect((await runModels(family, tiny, [0, 1])).tail).toEqual([]);
    const { manifest } = family;
    const tailless = { ...family, manifest: { ...manifest, cloud: { ...manifest.cloud, tail: null } } };
    expect((await runModels(tailless, tiny, [0, 1], { withTail: true })).tail).toEqual([]);
  });

  it("changes nothing of the others", async () => {
    const { tail, ...others } = await runModels(family, tiny, all, { withTail: true });
    expect(await runModels(family, tiny, all)).toEqual({ ...others, tail: [] });
    expect(tail).toHaveLength(SETTINGS.length);
  });

  it("moves its rows together too where a broken image is left out", async () => {
    const broken = [0, 30, 99];
    const read = (index: number) =>
      broken.includes(index) ? Promise.reject(new BrokenImageError("x")) : tiny.read(index);
    const options = { withTail: true, onBroken: () => {} };
    const whole = await runModels(family, tiny, all, options);
    const run = await runModels(family, { ...tiny, read }, all, options);
    expect(run.indices).toEqual(all.filter((index) => !broken.includes(index)));
    for (const [at, { logits, frameBytes }] of run.tail.entries()) {
      const expected = whole.tail[at];
      expect(frameBytes).toEqual(Int32Array.from(run.indices, (index) => expected.frameBytes?.[index] ?? 0));
      expect(logits).toEqual(takeRows(expected.logits, run.indices, 3));
    }
  });

  it("says where a stage does not hand on the features that were promised", async () => {
    const { manifest } = family;
    const [stage, ...stages] = manifest.edge.stages;
    const features = { ...FEATURES, shape: [4, 2, 3] as [number, number, number] };
    const wrong = { ...manifest, edge: { ...manifest.edge, stages: [{ ...stage, features }, ...stages] } };
    await expect(runModels({ ...family, manifest: wrong }, tiny, [0, 1])).rejects.toThrow(
      'stage-1.onnx: expected an output "features" of float32 [2, 4, 2, 3], got 2,4,3,2',
    );
  });
});
