// Which class a folder's name means.
import { nearestName } from "@spillway/shared/names/nearest-name";

/**
 * Folders are named exactly as the model's labels, or, when all names are numbers that are not all
 * labels, by class index.
 *
 * @param source the folder that they are in, for messages
 * @throws Error with one clear line for the first name that is no class, or that is the label of several
 */
export function classIndices(
  names: readonly string[],
  labels: readonly string[],
  source: string,
): ReadonlyMap<string, number> {
  const classOf = new Map(labels.map((label, index) => [label, index]));
  const areNumbers = names.every((name) => /^\d+$/.test(name));
  if (areNumbers && !names.every((name) => classOf.has(name))) {
    return new Map(names.map((name) => [name, indexOf(name, labels.length, source)]));
  }
  return new Map(names.map((name) => [name, labelOf(name, classOf, labels, source)]));
}

function indexOf(name: string, classes: number, source: string): number {
  const index = Number(name);
  if (index < classes) return index;
  throw new Error(`${source}/${name}: expected a class index from 0 to ${classes - 1}, got ${name}`);
}

function labelOf(
  name: string,
  classOf: ReadonlyMap<string, number>,
  labels: readonly string[],
  source: string,
): number {
  const index = classOf.get(name);
  if (index === undefined) {
    const nearest = nearestName(name, labels);
    throw new Error(`${source}/${name}: expected a folder named as a class of the model; did you mean "${nearest}"?`);
  }
  // Some public models do have a label twice; a name cannot tell the two apart.
  const first = labels.indexOf(name);
  if (first !== index) {
    throw new Error(
      `${source}/${name}: classes ${first} and ${index} are both labelled so; name the folders by class index`,
    );
  }
  return index;
}
