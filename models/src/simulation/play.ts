// One sequence of images against one bucket under one policy: the same bucket and the same policies as the gate's.
import { type BucketOptions, hasToken, refilled } from "@spillway/shared/bucket/token-bucket";
import { decide, type PolicyParameters, type PolicyState } from "@spillway/shared/policy/decide";

/** A sequence of images as they come, [frames] each. */
export interface Traffic {
  metrics: Float64Array;
  /** Edge loss minus cloud loss. */
  rewards: Float64Array;
  /** Seconds from each image to the next. */
  seconds: Float64Array;
}

export interface Played {
  /** Sum over the offloaded images. */
  reward: number;
  offloads: number;
}

/**
 * The bucket starts full.
 *
 * @param granted [frames], set to 1 for the images that are offloaded and to 0 for the others
 */
export function play(
  parameters: PolicyParameters,
  traffic: Traffic,
  bucket: BucketOptions,
  granted?: Uint8Array,
): Played {
  const { metrics, rewards, seconds } = traffic;
  let tokens = bucket.depth;
  let state: PolicyState = null;
  let elapsedSeconds: number | null = null;
  let reward = 0;
  let offloads = 0;
  for (let frame = 0; frame < metrics.length; frame++) {
    const decision = decide({ metric: metrics[frame], tokens, elapsedSeconds }, state, parameters);
    state = decision.state;
    const isGranted = decision.offload && hasToken(tokens, bucket);
    if (isGranted) {
      reward += rewards[frame];
      offloads += 1;
      tokens -= 1;
    }
    if (granted !== undefined) granted[frame] = isGranted ? 1 : 0;
    elapsedSeconds = seconds[frame];
    tokens = refilled(tokens, bucket, elapsedSeconds);
  }
  return { reward, offloads };
}
