// One .onnx file as a v2 server knows it: names, datatypes and shapes of the protocol around ONNX Runtime.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { BadRequest } from "./message.ts";
import { ARRAYS, type Datatype, type NamedTensor } from "./tensors.ts";

export interface TensorMetadata {
  name: string;
  datatype: Datatype;
  /** -1 is whatever the request says. */
  shape: number[];
}

const DATATYPES: Record<string, Datatype> = {
  bool: "BOOL",
  uint8: "UINT8",
  int32: "INT32",
  int64: "INT64",
  float32: "FP32",
  float64: "FP64",
};

export class OnnxModel {
  readonly name: string;
  readonly inputs: TensorMetadata[];
  readonly outputs: TensorMetadata[];
  readonly #session: InferenceSession;

  private constructor(name: string, session: InferenceSession) {
    this.name = name;
    this.inputs = session.inputMetadata.map(describe);
    this.outputs = session.outputMetadata.map(describe);
    this.#session = session;
  }

  static async load(name: string, path: string): Promise<OnnxModel> {
    return new OnnxModel(name, await InferenceSession.create(path, { intraOpNumThreads: 1, logSeverityLevel: 4 }));
  }

  metadata() {
    return { name: this.name, versions: ["1"], platform: "onnx_onnxv1", inputs: this.inputs, outputs: this.outputs };
  }

  /** @throws BadRequest when ONNX Runtime does not take the inputs' values or their batches differ */
  async run(inputs: readonly NamedTensor[], outputs: readonly string[]): Promise<NamedTensor[]> {
    const feeds = Object.fromEntries(inputs.map((input) => [input.name, toRuntime(input)]));
    const results = await this.#session.run(feeds, outputs).catch((error: Error) => {
      throw new BadRequest(`the model does not take this: ${error.message}`);
    });
    return outputs.map((name) => {
      const { type, dims, data } = results[name] as Tensor;
      return { name, datatype: DATATYPES[type], shape: [...dims], values: data as NamedTensor["values"] };
    });
  }

  release(): Promise<void> {
    return this.#session.release();
  }
}

function describe(value: InferenceSession.ValueMetadata): TensorMetadata {
  if (!value.isTensor || !(value.type in DATATYPES)) throw new TypeError(`${value.name}: expected a tensor of numbers`);
  const shape = value.shape.map((dimension) => (typeof dimension === "number" ? dimension : -1));
  return { name: value.name, datatype: DATATYPES[value.type], shape };
}

function toRuntime({ datatype, shape, values }: NamedTensor): Tensor {
  return new Tensor(ARRAYS[datatype].type, values as Float32Array, shape);
}
