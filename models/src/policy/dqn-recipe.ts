// Whether what a recipe trains can be used: a network that no Worker takes is not worth the hours.
import { readFile } from "node:fs/promises";
import type { TokenGrid } from "@spillway/shared/bucket/token-grid";
import { MAX_HISTORY, MAX_LAYERS, MAX_POLICY_BYTES } from "@spillway/shared/schema/policy";
import { z } from "zod";

/** Of a policy, beside the network's numbers. */
const OTHER_BYTES = 8192;

/** What decides how large a network becomes; whether this and the rest of a recipe is sound, the trainer says. */
const sizesSchema = z.looseObject({ history: z.number(), hiddenLayers: z.number(), hiddenWidth: z.number() });

/** @throws Error with one line that names the file, where the policy would be refused once it was trained */
export async function expectServable(recipe: string, { m }: TokenGrid): Promise<void> {
  const text = await readFile(recipe, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${recipe}: cannot be read (${error.code})`);
  });
  const sizes = sizesSchema.safeParse(jsonOf(text));
  if (!sizes.success) return;
  const { history, hiddenLayers, hiddenWidth } = sizes.data;
  if (history > MAX_HISTORY) throw new Error(`${recipe}: history: expected at most ${MAX_HISTORY}, got ${history}`);
  if (hiddenLayers >= MAX_LAYERS) {
    throw new Error(`${recipe}: hiddenLayers: expected at most ${MAX_LAYERS - 1}, got ${hiddenLayers}`);
  }
  const between = (hiddenLayers - 1) * (hiddenWidth + 1);
  const floats = hiddenWidth * (history * 2 + 1 + between) + (hiddenWidth + 1) * (m + 1) * 2;
  // Four bytes each, in base64.
  const bytes = OTHER_BYTES + (floats * 16) / 3;
  if (bytes <= MAX_POLICY_BYTES) return;
  const made = `a network of ${floats} numbers for ${m} levels`;
  throw new Error(`${recipe}: expected a policy of at most ${MAX_POLICY_BYTES} bytes, got ${made}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
