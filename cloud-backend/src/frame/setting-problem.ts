// Settings that a caller sends as a tensor of its own. ONNX Runtime finds one that the tail does not have
// only when it runs, and then a whole batch fails; on a GPU it need not find it at all.
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { TailModel } from "@spillway/shared/schema/manifest";
import { type Failure, failure } from "../errors.ts";

/** Null when each row's setting is one of the tail's. */
export function settingProblem(tensors: readonly Tensor[], { inputs, settings }: TailModel): Failure | null {
  for (const { name, bytes } of tensors) {
    if (name !== inputs.setting.name) continue;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let row = 0; row * 8 < bytes.byteLength; row++) {
      const setting = view.getBigInt64(row * 8, true);
      if (setting >= 0n && setting < BigInt(settings.length)) continue;
      return failure("bad-request", `${name}: expected 0 to ${settings.length - 1}, got ${setting} in row ${row}`);
    }
  }
  return null;
}
