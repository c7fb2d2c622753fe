// Messages of the protocol built and read by hand, so that the tests do not trust the code they test.

export const SAGEMAKER_TYPE = "application/vnd.sagemaker-triton.binary+json;json-header-size=";

/** Deterministic pixels without structure, 32 x 32 RGB each. */
export function samplePixels(images = 1): Uint8Array<ArrayBuffer> {
  let state = 12345;
  return new Uint8Array(images * 3072).map(() => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** A BYTES tensor's content: each element after its length as four little-endian bytes. */
export function bytesElements(elements: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const parts = elements.flatMap((element) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(element.byteLength);
    return [length, element];
  });
  return new Uint8Array(Buffer.concat(parts));
}

export function imageInput(shape: number[], bytes: Uint8Array, datatype = "UINT8") {
  return { name: "image", datatype, shape, parameters: { binary_data_size: bytes.byteLength } };
}

/** Header and bytes in one body, and the header's length. */
export function binaryMessage(header: unknown, ...bytes: Uint8Array[]) {
  const json = Buffer.from(JSON.stringify(header));
  return { body: new Uint8Array(Buffer.concat([json, ...bytes])), headerBytes: json.byteLength };
}

export function jsonMessage(pixels: Uint8Array, rest: object = {}): string {
  const shape = [pixels.byteLength / 3072, 32, 32, 3];
  return JSON.stringify({ inputs: [{ name: "image", datatype: "UINT8", shape, data: [...pixels] }], ...rest });
}

export interface Answer {
  id?: string;
  outputs: { name: string; shape: number[]; data: number[]; parameters?: { binary_data_size: number } }[];
}

export async function readAnswer(response: Response): Promise<Answer> {
  return (await response.json()) as Answer;
}

/** The logits of a JSON answer. */
export async function jsonLogits(response: Response): Promise<number[]> {
  const logits = (await readAnswer(response)).outputs.find((output) => output.name === "logits");
  if (logits === undefined) throw new Error("the answer has no logits");
  return logits.data;
}

export async function readError(response: Response): Promise<string> {
  return ((await response.json()) as { error: string }).error;
}

/** Splits a binary answer after its header. */
export async function splitAnswer(response: Response, headerBytes: number) {
  const body = new Uint8Array(await response.arrayBuffer());
  const header: Answer = JSON.parse(Buffer.from(body.subarray(0, headerBytes)).toString("utf8"));
  return { header, binary: body.slice(headerBytes) };
}

export function post(url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  return fetch(url, { method: "POST", body, headers });
}
