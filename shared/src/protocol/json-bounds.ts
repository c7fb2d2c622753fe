// How much JSON there is to parse, told in one cheap pass over its bytes before anything is built from it.
// A list takes 3 bytes on the wire and some 100 once it is parsed, so a limit on bytes alone is none on
// time and memory: 25 MB of brackets take seconds and more than a gigabyte.
import { ProtocolError } from "./tensor.ts";

export interface JsonBounds {
  /** Lists and objects around one value. */
  maxDepth: number;
  /** Keys among them: of all that a parser builds, different strings take it longest. */
  maxStrings: number;
  /** Commas, and lists and objects, together: there are no more values than that, but for one. */
  maxTokens: number;
}

/** @throws ProtocolError for JSON beyond a bound */
export function checkJsonBounds(json: Uint8Array, { maxDepth, maxStrings, maxTokens }: JsonBounds): void {
  const { depth, strings, tokens } = measure(json);
  if (depth > maxDepth) throw new ProtocolError(`body: expected JSON of at most ${maxDepth} levels`);
  if (strings > maxStrings) throw new ProtocolError(`body: expected JSON of at most ${maxStrings} strings`);
  if (tokens > maxTokens) throw new ProtocolError(`body: expected JSON of at most ${maxTokens} values and lists`);
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const LIST = 0x5b;
const LIST_END = 0x5d;
const OBJECT = 0x7b;
const OBJECT_END = 0x7d;

/** What is no JSON has some size as well: up to its first fault it is counted right, and no parser goes further. */
function measure(json: Uint8Array): { depth: number; strings: number; tokens: number } {
  const size = { depth: 0, strings: 0, tokens: 0 };
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case QUOTE:
        at = endOfString(json, at);
        size.strings += 1;
        break;
      case COMMA:
        size.tokens += 1;
        break;
      case LIST:
      case OBJECT:
        size.tokens += 1;
        depth += 1;
        if (depth > size.depth) size.depth = depth;
        break;
      case LIST_END:
      case OBJECT_END:
        depth -= 1;
    }
  }
  return size;
}

/** @returns where the closing quote is, or the end where there is none */
function endOfString(json: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== QUOTE) at += json[at] === BACKSLASH ? 2 : 1;
  return at;
}
