// Reads back what a chart's SVG shows.
const MARK_CLASS = /<g class="mark-(\w+) role-mark ([\w-]*marks)"[^>]*?(?:\/>|>(.*?)<\/g>)/gs;

/** All texts, as written. */
export function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
}

/** The paths of each layer of marks of a type, such as `rect`, in the order drawn. */
export function layersOf(svg: string, type: string): string[][] {
  return [...svg.matchAll(MARK_CLASS)]
    .filter(([, markType]) => markType === type)
    .map(([, , , content = ""]) => content.match(/<(?:path|text) [^>]*>/g) ?? []);
}

/** How many points a drawn line has. */
export function pointsOf(path: string): number {
  return / d="([^"]*)"/.exec(path)?.[1].match(/[ML]/g)?.length ?? 0;
}
