// Triton's classification extension: an output whose request carries the parameter `classification`
// returns, instead of its values, the best classes of each row as text: BYTES [batch, classes] of
// "value:index:label". Text: docs/protocol/extension_classification.md; the details are Triton's own code's.
import type { InferenceRequest, InferenceResponse, RequestedOutput } from "./message.ts";
import { bytesTensorOf, elementCount, NUMERIC_ARRAYS, ProtocolError, type Tensor } from "./tensor.ts";

/** Triton's type for the number of classes. */
const MAX_CLASS_COUNT = 2 ** 32 - 1;

/** The datatypes whose values Triton ranks: all numbers but these two. */
const { BOOL, FP16, ...RANKED_ARRAYS } = NUMERIC_ARRAYS;

/** How many classes are wanted of which output. */
export type ClassCounts = ReadonlyMap<string, number>;

/**
 * Reads the outputs' `classification` parameters; 0 means the values themselves, as in Triton.
 *
 * @throws ProtocolError for one that is no number of classes
 */
export function requestedClasses(outputs: readonly RequestedOutput[] = []): ClassCounts {
  const counts = new Map<string, number>();
  for (const { name, parameters } of outputs) {
    const count = parameters?.classification ?? 0;
    if (typeof count !== "number" || !Number.isInteger(count) || count < 0 || count > MAX_CLASS_COUNT) {
      throw new ProtocolError(`${name}: classification: expected a whole number from 0 to ${MAX_CLASS_COUNT}`);
    }
    if (count > 0) counts.set(name, count);
  }
  return counts;
}

/** @throws ProtocolError for a datatype that Triton does not rank */
export function checkRanked({ name, datatype }: Pick<Tensor, "name" | "datatype">): void {
  if (datatype in RANKED_ARRAYS) return;
  throw new ProtocolError(`${name}: ${datatype} has no classes; ask for it without classification`);
}

/** The same request for the values themselves, which is all that a model has to know. */
export function withoutClassification(request: InferenceRequest): InferenceRequest {
  const outputs = request.outputs?.map(({ name, parameters }) => {
    const { classification: _, ...rest } = parameters ?? {};
    return { name, parameters: rest };
  });
  return { ...request, outputs };
}

/** The response with the wanted classes in the place of values. @throws ProtocolError, see {@link bestClasses} */
export function classifyOutputs(
  response: InferenceResponse,
  counts: ClassCounts,
  labels: readonly string[],
): InferenceResponse {
  const outputs = response.outputs.map((output) => {
    const count = counts.get(output.name);
    return count === undefined ? output : bestClasses(output, count, labels);
  });
  return { ...response, outputs };
}

/**
 * The `count` highest values of each row, best first, equal ones in the order of their index; all of
 * them when there are fewer. A row is whatever follows the first dimension. Labels are given where
 * there is one for each value of a row. Costs a sort of each row.
 *
 * @throws ProtocolError for a datatype that Triton does not rank, and for NaN, which has no rank
 */
export function bestClasses(tensor: Tensor, count: number, labels: readonly string[]): Tensor {
  const { name, shape } = tensor;
  const [batch = 1, ...rowShape] = shape;
  const rowLength = elementCount(rowShape);
  const classes = Math.min(count, rowLength);
  const values = rankedValues(tensor);
  const print = tensor.datatype.startsWith("FP") ? fixedPoint : String;
  const rowLabels = labels.length === rowLength ? labels : [];
  const encoder = new TextEncoder();
  const elements: Uint8Array[] = [];
  for (let row = 0; row < batch; row++) {
    const rowValues = values.slice(row * rowLength, (row + 1) * rowLength);
    for (const index of descendingOrder(name, rowValues).slice(0, classes)) {
      const label = rowLabels[index];
      const suffix = label === undefined ? "" : `:${label}`;
      elements.push(encoder.encode(`${print(rowValues[index])}:${index}${suffix}`));
    }
  }
  return { ...bytesTensorOf(name, elements), shape: [batch, classes] };
}

/** 64-bit integers keep all their digits. */
function rankedValues(tensor: Tensor): (number | bigint)[] {
  checkRanked(tensor);
  const values = new RANKED_ARRAYS[tensor.datatype as keyof typeof RANKED_ARRAYS](tensor.bytes.slice().buffer);
  return Array.from<number | bigint>(values as Iterable<number | bigint>);
}

/** Indices, the highest value first. */
function descendingOrder(name: string, values: readonly (number | bigint)[]): number[] {
  if (values.some(Number.isNaN)) throw new ProtocolError(`${name}: holds NaN, which is no class's value`);
  // JavaScript's sort is stable, so equal values stay in the order of their index.
  return values
    .map((_, index) => index)
    .sort((one, other) => (values[one] > values[other] ? -1 : Number(values[one] < values[other])));
}

/** C's %f: six digits after the point, whatever the size; halves go to the even digit. */
function fixedPoint(number: number | bigint): string {
  const value = Number(number);
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const magnitude = Math.abs(value);
  // From here on toFixed would write an exponent; so large a number is whole.
  if (magnitude >= 1e21) return `${sign}${BigInt(magnitude)}.000000`;
  const digits = magnitude.toFixed(6);
  // toFixed rounds halves up. Of all numbers that a float can be, odd multiples of 1/128 alone lie half-way.
  const isHalf = (magnitude * 128) % 2 === 1;
  const last = Number(digits.at(-1));
  return sign + (isHalf && last % 2 === 1 ? `${digits.slice(0, -1)}${last - 1}` : digits);
}
