import {
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  type InferenceRequest,
  type InferenceResponse,
  type JsonDataBounds,
  MAX_BINARY_HEADER_BYTES,
  MAX_DESCRIPTION_STRINGS,
  MAX_JSON_DEPTH,
  MAX_PARAMETERS,
  MAX_TENSORS,
  wantsBinary,
} from "@spillway/shared/protocol/message";
import { bytesTensorOf, type Tensor, tensorOf } from "@spillway/shared/protocol/tensor";
import { describe, expect, it } from "vitest";
import { type Message, messageOf, protocolErrorOf, utf8 } from "./wire.ts";

const ONE = [0, 0, 128, 63];
const MINUS_TWO = [0, 0, 0, 192];
const image = { name: "image", shape: [1, 2], datatype: "FP32" };
const scale = { name: "scale", shape: [1], datatype: "UINT8" };
const plain = (tensor: Tensor) => ({ ...tensor, bytes: [...tensor.bytes] });

describe("a request", () => {
  const header =
    '{"id":"7","parameters":{"priority":1,"binary_data_output":true},"inputs":[' +
    '{"name":"image","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},' +
    '{"name":"scale","shape":[1],"datatype":"UINT8","parameters":{"binary_data_size":1}}],' +
    '"outputs":[{"name":"logits","parameters":{"binary_data":true}}]}';
  const wire = messageOf(header, ONE, MINUS_TWO, [9]);
  const request: InferenceRequest = {
    id: "7",
    parameters: { priority: 1 },
    inputs: [tensorOf("image", [1, 2], Float32Array.of(1, -2)), tensorOf("scale", [1], Uint8Array.of(9))],
    outputs: [{ name: "logits", parameters: { binary_data: true } }],
  };

  it("is a JSON header and then the tensors' bytes, in the header's order", () => {
    const encoded = encodeRequest(request);
    expect(encoded.headerBytes).toBe(wire.headerBytes);
    expect(new TextDecoder().decode(encoded.body.subarray(0, wire.headerBytes))).toBe(header);
    expect([...encoded.body]).toEqual([...wire.body]);
  });

  it("is read from those bytes", () => {
    const decoded = decodeRequest(wire.body, wire.headerBytes);
    expect(decoded).toMatchObject({
      id: "7",
      parameters: { priority: 1, binary_data_output: true },
      outputs: [{ name: "logits", parameters: { binary_data: true } }],
    });
    expect(decoded.inputs.map(plain)).toEqual([
      { ...image, bytes: [...ONE, ...MINUS_TWO] },
      { ...scale, bytes: [9] },
    ]);
  });

  it("needs no id, parameters or outputs", () => {
    const encoded = encodeRequest({ inputs: [tensorOf("scale", [1], Uint8Array.of(9))] });
    const expected = messageOf(
      {
        parameters: { binary_data_output: true },
        inputs: [{ ...scale, parameters: { binary_data_size: 1 } }],
      },
      [9],
    );
    expect([...encoded.body]).toEqual([...expected.body]);
    expect(encoded.headerBytes).toBe(expected.headerBytes);
  });

  it("may be all JSON, its data nested or flat", () => {
    for (const data of [[1, -2], [[1, -2]]]) {
      const { body } = messageOf({ inputs: [{ ...image, data }] });
      expect(decodeRequest(body, null).inputs.map(plain)).toEqual([{ ...image, bytes: [...ONE, ...MINUS_TWO] }]);
    }
  });

  it("may mix JSON and bytes", () => {
    const { body, headerBytes } = messageOf(
      {
        inputs: [
          { ...image, data: [1, -2] },
          { ...scale, parameters: { binary_data_size: 1 } },
        ],
      },
      [9],
    );
    const bytes = decodeRequest(body, headerBytes).inputs.map((input) => [...input.bytes]);
    expect(bytes).toEqual([[...ONE, ...MINUS_TWO], [9]]);
  });

  it("may have a header and no bytes after it", () => {
    const { body, headerBytes } = messageOf({ inputs: [{ ...scale, data: [9] }] });
    expect(decodeRequest(body, headerBytes).inputs.map(plain)).toEqual([{ ...scale, bytes: [9] }]);
  });

  it("may hold tensors of no bytes", () => {
    const empty = { name: "empty", shape: [0], datatype: "FP32", parameters: { binary_data_size: 0 } };
    const { body, headerBytes } = messageOf({ inputs: [empty] });
    expect(decodeRequest(body, headerBytes).inputs[0].bytes).toHaveLength(0);
  });

  it("may have fields that we do not know", () => {
    const { body } = messageOf({ inputs: [{ ...scale, data: [9], extra: 1 }], extra: { a: [] } });
    expect(decodeRequest(body, null)).toEqual({ inputs: [{ ...scale, bytes: Uint8Array.of(9) }] });
  });

  it("may begin with a byte order mark", () => {
    const { body } = messageOf(`\ufeff${JSON.stringify({ inputs: [{ ...scale, data: [9] }] })}`);
    expect(decodeRequest(body, null).inputs).toHaveLength(1);
  });

  it("counts its header in bytes, not characters", () => {
    const input = bytesTensorOf("größe", [utf8("é")]);
    const encoded = encodeRequest({ inputs: [input] });
    expect(decodeRequest(encoded.body, encoded.headerBytes).inputs).toEqual([input]);
  });
});

describe("a response", () => {
  const header =
    '{"model_name":"large","model_version":"3","id":"7","parameters":{"took":1.5},"outputs":[' +
    '{"name":"logits","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}},' +
    '{"name":"label","shape":[1],"datatype":"BYTES","data":["dog"]}]}';
  const wire = messageOf(header, ONE, MINUS_TWO);
  const response: InferenceResponse = {
    modelName: "large",
    modelVersion: "3",
    id: "7",
    parameters: { took: 1.5 },
    outputs: [tensorOf("logits", [1, 2], Float32Array.of(1, -2)), bytesTensorOf("label", [utf8("dog")])],
  };

  it("carries as bytes what was asked for as bytes, and the rest in its JSON", () => {
    const encoded = encodeResponse(response, (output) => output === "logits");
    expect(encoded.headerBytes).toBe(wire.headerBytes);
    expect(new TextDecoder().decode(encoded.body.subarray(0, wire.headerBytes))).toBe(header);
    expect([...encoded.body]).toEqual([...wire.body]);
  });

  it("is read from those bytes", () => {
    expect(decodeResponse(wire.body, wire.headerBytes)).toEqual(response);
  });

  it("is all JSON when no output travels as bytes", () => {
    const encoded = encodeResponse(response, () => false);
    expect(encoded.headerBytes).toBeNull();
    expect(JSON.parse(new TextDecoder().decode(encoded.body))).toEqual({
      model_name: "large",
      model_version: "3",
      id: "7",
      parameters: { took: 1.5 },
      outputs: [
        { name: "logits", shape: [1, 2], datatype: "FP32", data: [1, -2] },
        { name: "label", shape: [1], datatype: "BYTES", data: ["dog"] },
      ],
    });
    expect(decodeResponse(encoded.body, null)).toEqual(response);
  });

  it("keeps the order of its outputs when only the second and third are bytes", () => {
    const outputs = [1, 2, 3].map((value) => tensorOf(`o${value}`, [1], Uint8Array.of(value)));
    const encoded = encodeResponse({ modelName: "m", outputs }, (output) => output !== "o1");
    expect([...encoded.body.subarray(-2)]).toEqual([2, 3]);
    expect(decodeResponse(encoded.body, encoded.headerBytes).outputs).toEqual(outputs);
  });

  it("may have no outputs", () => {
    const encoded = encodeResponse({ modelName: "m", outputs: [] }, () => true);
    expect(decodeResponse(encoded.body, encoded.headerBytes).outputs).toEqual([]);
  });

  it("cannot carry in JSON what JSON cannot say", () => {
    const outputs = [tensorOf("logits", [1], Float32Array.of(Number.NaN))];
    expect(protocolErrorOf(() => encodeResponse({ modelName: "m", outputs }, () => false))).toContain(
      "logits: holds NaN",
    );
    const encoded = encodeResponse({ modelName: "m", outputs }, () => true);
    expect(decodeResponse(encoded.body, encoded.headerBytes).outputs).toEqual(outputs);
  });

  it.each([
    ["no model_name", { outputs: [] }, "model_name"],
    ["no outputs", { model_name: "m" }, "outputs"],
  ])("is refused with %s", (_, header, path) => {
    expect(protocolErrorOf(() => decodeResponse(messageOf(header).body, null))).toContain(path);
  });
});

const withData = (extra: object, rest: object = {}) =>
  messageOf({ inputs: [{ ...image, data: [1, -2], ...extra }], ...rest });
const sized = (size: unknown, ...parts: number[][]) =>
  messageOf({ inputs: [{ ...image, parameters: { binary_data_size: size } }] }, ...parts);
const tensors = (count: number) =>
  messageOf({ inputs: Array.from({ length: count }, (_, k) => ({ ...scale, name: `t${k}`, data: [0] })) });
const parameters = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, k) => [`p${k}`, k]));
const decode = ({ body, headerBytes }: Message) => decodeRequest(body, headerBytes);

describe("decodeRequest refuses", () => {
  it.each<[string, Message, string | RegExp]>([
    ["too few elements", withData({ data: [1] }), "image: expected 2 elements, got 1"],
    ["too many elements", withData({ data: [1, 2, 3] }), "image: expected 2 elements, got more"],
    ["a negative dimension", withData({ shape: [-1, -2] }), /^shape: expected whole numbers of at least 0/],
    ["part of a dimension", withData({ shape: [0.5] }), /^shape: expected whole numbers of at least 0/],
    ["2^26 + 1 elements", withData({ shape: [2 ** 26 + 1] }), /^shape: expected at most 67108864 elements/],
    ["nine dimensions", withData({ shape: [1, 1, 1, 1, 1, 1, 1, 1, 2] }), /^inputs\.0\.shape: /],
    ["a shape that is no list", withData({ shape: 2 }), /^inputs\.0\.shape: /],
    ["a dimension that is no number", withData({ shape: ["2"] }), /^inputs\.0\.shape\.0: /],
    ["an unknown datatype", withData({ datatype: "BF16" }), /^inputs\.0\.datatype: /],
    ["an empty name", withData({ name: "" }), /^inputs\.0\.name: /],
    ["an id that is no string", messageOf({ id: 7, inputs: [{ ...scale, data: [9] }] }), /^id: /],
    ["a parameter that is a list", withData({ parameters: { a: [] } }), /^inputs\.0\.parameters\.a: /],
    ["data of null", withData({ data: null }), /^inputs\.0\.data: /],
    ["neither data nor size", messageOf({ inputs: [image] }), "image: has neither data nor binary_data_size"],
    ["no inputs", messageOf({ inputs: [] }), /^inputs: /],
    ["inputs that are missing", messageOf({}), /^inputs: /],
    ["a list", messageOf([]), /expected object/],
    ["null", messageOf("null"), /expected object/],
    ["text that is not JSON", messageOf("{"), "body: expected JSON in UTF-8"],
    [
      "both data and size",
      messageOf({ inputs: [{ ...image, data: [1, 2], parameters: { binary_data_size: 8 } }] }, ONE, ONE),
      "image: has both data and binary_data_size",
    ],
    ["a size beyond the body", sized(9, ONE, MINUS_TWO), "image: binary_data_size 9 exceeds the 8 bytes left"],
    ["the size of no bytes", sized(8), "image: binary_data_size 8 exceeds the 0 bytes left"],
    ["a negative size", sized(-8, ONE, MINUS_TWO), "image: binary_data_size -8 exceeds the 8 bytes left"],
    ["part of a byte", sized(7.5, ONE, MINUS_TWO), "image: binary_data_size 7.5 exceeds the 8 bytes left"],
    ["a size that is a string", sized("8", ONE, MINUS_TWO), "image: binary_data_size 8 exceeds the 8 bytes left"],
    ["a size that is true", sized(true, ONE, MINUS_TWO), "image: binary_data_size true exceeds the 8 bytes left"],
    ["a size beyond exact numbers", sized(2 ** 60, ONE), /^image: binary_data_size 1\d+ exceeds the 4 bytes left/],
    ["a size other than the shape's", sized(4, ONE), "image: expected 8 bytes for FP32 [1, 2], got 4"],
    [
      "a name twice",
      messageOf({ inputs: [1, 2].map((value) => ({ name: "a", shape: [1], datatype: "FP32", data: [value] })) }),
      "tensors: expected each name once",
    ],
    ["one byte too many", sized(8, ONE, MINUS_TWO, [0]), "body: 1 bytes belong to no tensor"],
    [
      "a BYTES element past the end",
      messageOf(
        { inputs: [{ name: "b", shape: [1], datatype: "BYTES", parameters: { binary_data_size: 5 } }] },
        [2, 0, 0, 0, 65],
      ),
      "b: an element runs past the end of the tensor",
    ],
    [
      "fewer BYTES elements than the shape's",
      messageOf(
        { inputs: [{ name: "b", shape: [2], datatype: "BYTES", parameters: { binary_data_size: 5 } }] },
        [1, 0, 0, 0, 65],
      ),
      "b: expected 2 elements, got 1",
    ],
    [
      "a binary_data_output that is no boolean",
      withData({}, { parameters: { binary_data_output: "true" } }),
      "parameters: binary_data_output: expected true or false",
    ],
    [
      "a binary_data that is no boolean",
      withData({}, { outputs: [{ name: "o", parameters: { binary_data: 1 } }] }),
      "outputs.0.parameters: binary_data: expected true or false",
    ],
    ["an integer out of range", withData({ datatype: "UINT8", data: [256, 0] }), "image: 256 does not fit UINT8"],
    ["null among the elements", withData({ data: [1, null] }), "image: null is not FP32"],
    ["more tensors than 64", tensors(MAX_TENSORS + 1), /^inputs: /],
    ["more parameters than 64", withData({ parameters: parameters(MAX_PARAMETERS + 1) }), /^inputs\.0\.parameters: /],
    [
      "more requested outputs than 64",
      messageOf({ inputs: [{ ...scale, data: [9] }], outputs: new Array(MAX_TENSORS + 1).fill({ name: "o" }) }),
      /^outputs: /,
    ],
  ])("%s", (_, message, expected) => {
    const error = protocolErrorOf(() => decode(message));
    if (typeof expected === "string") expect(error).toBe(expected);
    else expect(error).toMatch(expected);
    expect(error).toMatch(/^.+$/u);
  });

  it("a tensor's size when what the tensors before it left is too little", () => {
    const parts = [image, { ...image, name: "second" }].map((tensor) => ({
      ...tensor,
      parameters: { binary_data_size: 8 },
    }));
    const message = messageOf({ inputs: parts }, ONE, MINUS_TWO, ONE, [0, 0, 0]);
    expect(protocolErrorOf(() => decode(message))).toBe("second: binary_data_size 8 exceeds the 7 bytes left");
  });

  it.each([
    ["0", 0],
    ["-1", -1],
    ["1.5", 1.5],
    ["NaN, which is how a header that is no number reads", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["one past the end", sized(8, ONE, MINUS_TWO).body.byteLength + 1],
  ])("a header length of %s", (_, headerBytes) => {
    const { body } = sized(8, ONE, MINUS_TWO);
    expect(protocolErrorOf(() => decodeRequest(body, headerBytes))).toBe(
      `header length: expected 1 to ${body.byteLength}, got ${headerBytes}`,
    );
  });

  it("a header length one short of the JSON, or one past it", () => {
    const { body, headerBytes } = sized(8, ONE, MINUS_TWO);
    for (const wrong of [headerBytes - 1, headerBytes + 1]) {
      expect(protocolErrorOf(() => decodeRequest(body, wrong))).toBe("body: expected JSON in UTF-8");
    }
  });

  it("a binary message whose header length is missing", () => {
    expect(protocolErrorOf(() => decodeRequest(sized(8, ONE, MINUS_TWO).body, null))).toBe(
      "body: expected JSON in UTF-8",
    );
  });

  it("an empty body", () => {
    expect(protocolErrorOf(() => decodeRequest(new Uint8Array(0), null))).toBe("body: expected JSON in UTF-8");
    expect(protocolErrorOf(() => decodeRequest(new Uint8Array(0), 0))).toMatch(/^header length: /);
  });

  it("text that is not UTF-8, even within a string", () => {
    const { body } = withData({ name: "?mage" });
    const at = body.indexOf("?".charCodeAt(0));
    body[at] = 0xff;
    expect(protocolErrorOf(() => decodeRequest(body, null))).toBe("body: expected JSON in UTF-8");
  });

  it("a header of more than 1 MiB, and takes one of exactly that", () => {
    const json = JSON.stringify({ inputs: [{ ...scale, data: [9] }] });
    const exact = messageOf(json.padEnd(MAX_BINARY_HEADER_BYTES));
    expect(decode(exact).inputs).toHaveLength(1);
    const longer = messageOf(json.padEnd(MAX_BINARY_HEADER_BYTES + 1));
    expect(protocolErrorOf(() => decode(longer))).toBe("header length: expected 1 to 1048576, got 1048577");
    expect(decodeRequest(longer.body, null).inputs).toHaveLength(1);
  });

  it.each<[string, string]>([
    ["shape", `{"inputs":[{"name":"x","datatype":"FP32","data":[],"shape":[${'"",'.repeat(200_000)}1]}]}`],
    ["inputs", `{"inputs":[${'"",'.repeat(200_000)}1]}`],
    [
      "outputs",
      `{"inputs":[{"name":"x","datatype":"FP32","data":[],"shape":[0]}],"outputs":[${"1,".repeat(200_000)}1]}`,
    ],
    ["parameters", `{"parameters":{${Array.from({ length: 200_000 }, (_, k) => `"${k}":null`).join()}},"inputs":[1]}`],
  ])("200,000 wrong elements of %s, in a short message", (name, json) => {
    const message = protocolErrorOf(() => decodeRequest(utf8(json), null));
    expect(message).toContain(`${name}: `);
    // Counted, and not looked at one by one: a problem for each would be "and 199,993 more", or a full stack.
    expect(message).not.toContain("more");
  });

  it("JSON nested beyond any stack", () => {
    const depth = 200_000;
    const nested = `{"inputs":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(protocolErrorOf(() => decodeRequest(utf8(nested), null))).toBe("body: expected JSON of at most 16 levels");
  });
});

it("takes as many tensors, parameters and outputs as it may", () => {
  expect(decode(tensors(MAX_TENSORS)).inputs).toHaveLength(MAX_TENSORS);
  expect(decode(withData({ parameters: parameters(MAX_PARAMETERS) })).inputs).toHaveLength(1);
  const outputs = Array.from({ length: MAX_TENSORS }, (_, k) => ({ name: `o${k}` }));
  expect(decode(messageOf({ inputs: [{ ...scale, data: [9] }], outputs })).outputs).toEqual(outputs);
  expect([MAX_TENSORS, MAX_PARAMETERS]).toEqual([64, 64]);
});

describe("JSON beyond what it may amount to is not parsed", () => {
  const withStrings = (count: number, rest: object = {}) =>
    utf8(
      JSON.stringify({
        inputs: [{ ...scale, shape: [count], datatype: "BYTES", data: Array(count).fill("x") }],
        ...rest,
      }),
    );
  const deep = (levels: number) => utf8(`{"inputs":[],"more":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`);
  const errorOf = (json: Uint8Array<ArrayBuffer>, bounds?: JsonDataBounds) =>
    protocolErrorOf(() => decodeRequest(json, null, bounds));

  it("levels", () => {
    expect(errorOf(deep(MAX_JSON_DEPTH))).toMatch(/^inputs: /);
    expect(errorOf(deep(MAX_JSON_DEPTH + 1))).toBe("body: expected JSON of at most 16 levels");
    expect(protocolErrorOf(() => decodeResponse(deep(MAX_JSON_DEPTH + 1), null))).toMatch(/16 levels/);
  });

  it("strings, of the description and of the data", () => {
    const bounds = { maxStrings: 0, maxTokens: 1e6 };
    // The description has seven: five keys, and the values of `name` and `datatype`.
    const most = MAX_DESCRIPTION_STRINGS - 7;
    expect(decodeRequest(withStrings(most), null, bounds).inputs).toHaveLength(1);
    expect(errorOf(withStrings(most + 1), bounds)).toMatch(/strings$/);
    expect(decodeRequest(withStrings(most + 1), null, { ...bounds, maxStrings: 1 }).inputs).toHaveLength(1);
  });

  it("values and lists", () => {
    const json = (count: number) =>
      utf8(JSON.stringify({ inputs: [{ ...scale, shape: [count], data: Array(count).fill(1) }] }));
    const bounds = { maxStrings: 0, maxTokens: 100 };
    // Two objects, three lists, three commas between members, and one less than there are elements.
    const most = 100 + MAX_DESCRIPTION_STRINGS - 7;
    expect(decodeRequest(json(most), null, bounds).inputs[0].shape).toEqual([most]);
    expect(errorOf(json(most + 1), bounds)).toMatch(/values and lists$/);
  });

  it("a message that says all it may needs no more", () => {
    const all = Object.fromEntries(Array.from({ length: MAX_PARAMETERS }, (_, k) => [`p${k}`, "x"]));
    const message = {
      id: "7",
      parameters: all,
      inputs: Array.from({ length: MAX_TENSORS }, (_, k) => ({ ...scale, name: `i${k}`, parameters: all, data: [9] })),
      outputs: Array.from({ length: MAX_TENSORS }, (_, k) => ({ name: `o${k}`, parameters: all })),
    };
    const bounds = { maxStrings: 0, maxTokens: 2 * MAX_TENSORS };
    expect(decodeRequest(utf8(JSON.stringify(message)), null, bounds).inputs).toHaveLength(MAX_TENSORS);
  });
});

describe("wantsBinary", () => {
  const request = (all: unknown, one: unknown): InferenceRequest => ({
    inputs: [],
    ...(all === undefined ? {} : { parameters: { binary_data_output: all as boolean } }),
    outputs: [{ name: "logits", ...(one === undefined ? {} : { parameters: { binary_data: one as boolean } }) }],
  });

  it.each([
    ["nothing is said", undefined, undefined, false],
    ["the request says so", true, undefined, true],
    ["the output says so", undefined, true, true],
    ["the output says so and the request does not", false, true, true],
    ["the output does not and the request does", true, false, false],
    ["the word is not a boolean", "true", undefined, false],
  ])("when %s", (_, all, one, expected) => {
    expect(wantsBinary(request(all, one), "logits")).toBe(expected);
  });

  it("goes by the request for an output that was not asked for by name", () => {
    expect(wantsBinary(request(true, false), "other")).toBe(true);
    expect(wantsBinary({ inputs: [], parameters: { binary_data_output: true } }, "logits")).toBe(true);
    expect(wantsBinary({ inputs: [] }, "logits")).toBe(false);
  });
});
