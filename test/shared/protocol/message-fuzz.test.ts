// Whatever bytes arrive, decoding returns a message or throws a ProtocolError, and returns soon.

import { requestedClasses } from "@spillway/shared/protocol/classification";
import { tensorFromJson } from "@spillway/shared/protocol/json-data";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "@spillway/shared/protocol/message";
import { checkTensor, DATATYPES, ProtocolError, type Tensor } from "@spillway/shared/protocol/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { utf8 } from "./wire.ts";

const SEED = { seed: 13 };
const ELEMENT_BYTES = {
  BOOL: 1,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  UINT16: 2,
  FP16: 2,
  INT32: 4,
  UINT32: 4,
  FP32: 4,
  INT64: 8,
  UINT64: 8,
  FP64: 8,
};

/** A valid tensor of any datatype; its bytes need not be numbers that JSON can say. */
const tensor: fc.Arbitrary<Tensor> = fc
  .record({
    name: fc.string({ minLength: 1, maxLength: 6 }),
    datatype: fc.constantFrom(...DATATYPES),
    shape: fc.array(fc.nat(4), { maxLength: 3 }),
  })
  .chain(({ name, datatype, shape }) => {
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    if (datatype === "BYTES") {
      return fc
        .array(fc.string({ maxLength: 5 }), { minLength: count, maxLength: count })
        .map((data) => tensorFromJson(name, datatype, shape, data));
    }
    const length = count * ELEMENT_BYTES[datatype];
    return fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => ({ name, datatype, shape, bytes: bytes.slice() }));
  });
const tensors = fc.uniqueArray(tensor, { minLength: 1, maxLength: 4, selector: ({ name }) => name });

/** Decodes both ways; every outcome but a valid message or a ProtocolError fails the test. */
function decodeAny(body: Uint8Array<ArrayBuffer>, headerBytes: number | null): void {
  for (const decode of [decodeRequest, decodeResponse]) {
    try {
      const decoded = decode(body, headerBytes);
      for (const each of "inputs" in decoded ? decoded.inputs : decoded.outputs) checkTensor(each);
      if ("inputs" in decoded) requestedClasses(decoded.outputs);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      expect(error.message).not.toBe("");
    }
  }
}

describe("round trips", () => {
  it("keep requests of every datatype", () => {
    fc.assert(
      fc.property(tensors, fc.option(fc.string(), { nil: undefined }), (inputs, id) => {
        const { body, headerBytes } = encodeRequest({ id, inputs });
        const decoded = decodeRequest(body, headerBytes);
        expect(decoded.inputs).toEqual(inputs);
        expect(decoded.id).toBe(id);
      }),
      { ...SEED, numRuns: 200 },
    );
  });

  it("keep responses of every datatype", () => {
    fc.assert(
      fc.property(tensors, fc.string(), (outputs, modelName) => {
        const { body, headerBytes } = encodeResponse({ modelName, outputs }, () => true);
        expect(decodeResponse(body, headerBytes)).toMatchObject({ modelName, outputs });
      }),
      { ...SEED, numRuns: 200 },
    );
  });
});

describe("hostile bytes", () => {
  it("of no form at all", () => {
    const headerBytes = fc.option(fc.oneof(fc.nat(64), fc.integer(), fc.double()), { nil: null });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), headerBytes, (bytes, length) => decodeAny(bytes.slice(), length)),
      { ...SEED, numRuns: 1000 },
    );
  });

  it("of valid JSON that is any value", () => {
    fc.assert(
      fc.property(fc.json(), fc.uint8Array({ maxLength: 16 }), (json, rest) => {
        const header = utf8(json);
        decodeAny(header, null);
        decodeAny(Uint8Array.from([...header, ...rest]), header.byteLength);
      }),
      { ...SEED, numRuns: 500 },
    );
  });

  it("of nearly valid JSON: each field of any value", () => {
    const odd = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 2 ** 26 + 1, 2 ** 53, 1e308, "FP32", "BYTES", {}));
    const description = fc.record(
      {
        name: fc.oneof(fc.constant("x"), odd),
        shape: fc.oneof(fc.array(fc.oneof(fc.nat(3), odd), { maxLength: 10 }), odd),
        datatype: fc.oneof(fc.constantFrom(...DATATYPES), odd),
        data: fc.oneof(fc.array(fc.oneof(fc.nat(300), fc.string(), odd), { maxLength: 6 }), odd),
        parameters: fc.oneof(
          fc.record({ binary_data_size: fc.oneof(fc.nat(20), odd) }),
          fc.record({ binary_data: odd, classification: odd }, { requiredKeys: [] }),
          odd,
        ),
      },
      { requiredKeys: [] },
    );
    const header = fc.record(
      {
        model_name: fc.constant("m"),
        inputs: fc.array(description),
        outputs: fc.array(description),
        parameters: fc.oneof(fc.record({ binary_data_output: odd }), odd),
        id: odd,
      },
      { requiredKeys: ["model_name"] },
    );
    fc.assert(
      fc.property(header, fc.uint8Array({ maxLength: 24 }), (value, rest) => {
        const json = utf8(JSON.stringify(value));
        decodeAny(Uint8Array.from([...json, ...rest]), json.byteLength);
      }),
      { ...SEED, numRuns: 500 },
    );
  });

  it("of a valid message, cut off or read at another length", () => {
    fc.assert(
      fc.property(tensors, fc.nat(), fc.integer({ min: -9, max: 9 }), (inputs, cut, shift) => {
        const { body, headerBytes } = encodeRequest({ inputs });
        decodeAny(body.slice(0, cut % (body.byteLength + 1)), headerBytes);
        decodeAny(body, (headerBytes ?? 0) + shift);
      }),
      { ...SEED, numRuns: 500 },
    );
  });

  it("of a valid message, some bits flipped", () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat(7)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(tensors, flips, fc.boolean(), (outputs, places, isBinary) => {
        const valid = encodeResponse({ modelName: "m", outputs: outputs.filter(isSayable) }, () => isBinary);
        const { headerBytes } = valid;
        const body = valid.body.slice();
        for (const [place, bit] of places) body[place % body.byteLength] ^= 1 << bit;
        decodeAny(body, headerBytes);
      }),
      { ...SEED, numRuns: 1000 },
    );
  });
});

/** Whether JSON can carry it: random bytes of a floating datatype may be NaN. */
function isSayable({ datatype }: Tensor): boolean {
  return !datatype.startsWith("FP");
}
