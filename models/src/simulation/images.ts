// The labelled images that a simulation draws from: what offloading each of them is expected to gain, and gains.
import { ascendingOrder } from "@spillway/shared/calibration/ascending-order";
import type { ImageSample } from "@spillway/shared/policy/value-iteration";

/** In rising order of the metric, [images] each. */
export interface Images extends ImageSample {
  /** Where the image that came n-th now is, [images]. */
  placeOfArrival: Uint32Array;
}

/** @param metrics in the order of arrival, as the rewards, [images] */
export function sortImages(metrics: Float64Array, rewards: Float64Array): Images {
  const order = ascendingOrder(metrics);
  const placeOfArrival = new Uint32Array(order.length);
  order.forEach((arrival, place) => {
    placeOfArrival[arrival] = place;
  });
  const sorted = (values: Float64Array) => Float64Array.from(order, (arrival) => values[arrival]);
  return {
    metrics: sorted(metrics),
    rewards: sorted(rewards),
    placeOfArrival,
  };
}
