// Images that did not ask their client's gate, until it hears of them. They belong to the history that a policy
// decides from, but are not worth a call each: they ride along with the next one that asks, and go out in one call of
// their own only when they are many or old. An isolate that ends takes them with it; a history bears that.
import type { SeenImage } from "@spillway/shared/policy/gate";
import { keepNewest } from "../config/keep-newest.ts";
import { MAX_REPORTED_IMAGES, MAX_REPORTING_CLIENTS, REPORT_AFTER_MS } from "../limits.ts";

export interface ImageReports {
  /** Keeps the image, or returns all of this client's that are to go out now, this one last. */
  note(clientKey: string, image: SeenImage): readonly SeenImage[] | null;
  /** Whatever waits for this client's gate, which gets it with this call. */
  take(clientKey: string): readonly SeenImage[];
  /** Images that the gate had no use for yet, the oldest first: they wait on, as many as may. */
  giveBack(clientKey: string, images: readonly SeenImage[]): void;
}

export function createImageReports(): ImageReports {
  /** By client, the longest unseen first. */
  const waiting = new Map<string, SeenImage[]>();

  function take(clientKey: string): SeenImage[] {
    const images = waiting.get(clientKey) ?? [];
    waiting.delete(clientKey);
    return images;
  }

  return {
    take,
    giveBack(clientKey, images) {
      const all = [...images, ...take(clientKey)].slice(-(MAX_REPORTED_IMAGES - 1));
      keepNewest(waiting, clientKey, all, MAX_REPORTING_CLIENTS);
    },
    note(clientKey, image) {
      const images = take(clientKey);
      images.push(image);
      const isDue = images.length >= MAX_REPORTED_IMAGES || image.atMs - images[0].atMs > REPORT_AFTER_MS;
      if (isDue) return images;
      keepNewest(waiting, clientKey, images, MAX_REPORTING_CLIENTS);
      return null;
    },
  };
}
