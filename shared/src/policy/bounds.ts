// What no policy can beat: with the future known, and on average. A policy is judged by how far it comes from these.
import { checkTokenGrid, type TokenGrid } from "../bucket/token-grid.ts";
import type { ImageSample } from "./value-iteration.ts";

/**
 * The most that the rule "offload the images with the largest metrics" can gain an image at this rate, with a bucket
 * without bottom: EMSOFT'22's lower bound of the loss, as a reward. A policy that sees only metrics, on images that
 * come independently of each other, gains no more in the long run, if the reward rises with the metric.
 * Images of equal metric are as good as each other; fewer are offloaded than there are tokens for where more lose.
 *
 * @param tokensPerImage what the bucket gains until the next image, at least 0
 * @throws RangeError for no images, not as many rewards as metrics, or a negative rate
 */
export function rewardBound({ metrics, rewards }: ImageSample, tokensPerImage: number): number {
  const images = metrics.length;
  if (images === 0 || rewards.length !== images) {
    throw new RangeError(`rewards: expected one for each of ${images} metrics, at least one, got ${rewards.length}`);
  }
  if (!(tokensPerImage >= 0)) throw new RangeError(`tokensPerImage: expected at least 0, got ${tokensPerImage}`);
  const budget = Math.min(tokensPerImage, 1) * images;
  let best = 0;
  let sum = 0;
  for (let end = images; end > 0 && images - end < budget; ) {
    let start = end;
    let ofGroup = 0;
    while (start > 0 && metrics[start - 1] === metrics[end - 1]) ofGroup += rewards[--start];
    const share = Math.min(1, (budget - (images - end)) / (end - start));
    sum += share * ofGroup;
    best = Math.max(best, sum);
    end = start;
  }
  return best / images;
}

/**
 * The most that any choice of offloads gains an image of this sequence with this bucket, knowing all rewards and
 * intervals beforehand. Dynamic programming from the last image back over the levels of the grid; the bucket starts
 * full. O(images * levels).
 *
 * @param rewards [images]
 * @param fills levels that the bucket gains after each image, whole numbers from 0, [images]
 * @throws RangeError for a grid outside its limits, no images, or not as many fills
 */
export function offlineOptimum(rewards: ArrayLike<number>, fills: ArrayLike<number>, grid: TokenGrid): number {
  checkTokenGrid(grid);
  const images = rewards.length;
  if (images === 0 || fills.length !== images) {
    throw new RangeError(`fills: expected one for each of ${images} images, at least one, got ${fills.length}`);
  }
  const { p, m } = grid;
  let later = new Float64Array(m + 1);
  let now = new Float64Array(m + 1);
  for (let image = images - 1; image >= 0; image--) {
    const fill = fills[image];
    const reward = rewards[image];
    for (let level = 0; level <= m; level++) now[level] = later[Math.min(level + fill, m)];
    // From the top down, what is left of p levels less is still that of keeping.
    if (reward > 0) {
      for (let level = m; level >= p; level--) now[level] = Math.max(now[level], reward + now[level - p]);
    }
    [now, later] = [later, now];
  }
  return later[m] / images;
}
