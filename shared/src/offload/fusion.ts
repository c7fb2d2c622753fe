// How edge and cloud answer together where the cloud was asked.
import { poolLogLinear } from "../calibration/log-linear-pool.ts";
import { poolProbabilities } from "../calibration/opinion-pool.ts";
import type { Fusion } from "../schema/calibration.ts";

/**
 * The fused probabilities of one image: the weighted mean of both for an `edgeWeight`, their weighted product for
 * powers. Formulas, bounds and errors as in {@link poolProbabilities} and {@link poolLogLinear}; O(classes).
 *
 * @param edge [classes], calibrated
 * @param cloud [classes], calibrated
 * @returns float64 [classes], adding up to one
 * @throws RangeError when the classes differ
 */
export function fuse(edge: ArrayLike<number>, cloud: ArrayLike<number>, fusion: Fusion): Float64Array {
  if ("edgeWeight" in fusion) return poolProbabilities([edge, cloud], [fusion.edgeWeight, 1 - fusion.edgeWeight]);
  return poolLogLinear([edge, cloud], [fusion.edgePower, fusion.cloudPower]);
}
