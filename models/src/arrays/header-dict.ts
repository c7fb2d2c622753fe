// The Python dict literal in the head of a .npy file, such as
//
//     {'descr': '<f4', 'fortran_order': False, 'shape': (4000, 100), }
//
// read by a small grammar: these three keys, each once, in any order, and nothing else.

export interface HeaderDict {
  /** NumPy's name of the type: "<f4". */
  descr: string;
  isFortranOrder: boolean;
  shape: number[];
}

/** As many as NumPy allows. */
const MAX_DIMENSIONS = 64;
const MAX_SHOWN = 60;

const STRUCTURED = /(['"])descr\1\s*:\s*\[/;
const OPENING = /\s*\{/y;
const KEY = /\s*(['"])(?<key>descr|fortran_order|shape)\1\s*:\s*/y;
const VALUES = {
  descr: /(['"])(?<value>[^'"\\]*)\1/y,
  fortran_order: /(?<value>True|False)/y,
  shape: /\((?<value>[^()]*)\)/y,
};
const COMMA = /\s*,/y;
const CLOSING = /\s*\}\s*$/y;

type Key = keyof typeof VALUES;

/** @throws Error with one line that begins with `name` */
export function parseHeaderDict(text: string, name: string): HeaderDict {
  if (STRUCTURED.test(text)) throw new Error(`${name}: expected plain numbers, got records (a structured dtype)`);
  const fields = dictFields(text);
  if (fields === null) throw new Error(`${name}: expected the dict of a .npy header, got ${shown(text)}`);
  return {
    descr: fields.descr,
    isFortranOrder: fields.fortran_order === "True",
    shape: parseShape(fields.shape, name),
  };
}

/** A text from a file, fit for a message: one line, not long. */
export function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text);
}

/** The three values without quotes and brackets; null where the text is not of the grammar. */
function dictFields(text: string): Record<Key, string> | null {
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) at += match[0].length;
    return match;
  };
  const fields: Partial<Record<Key, string>> = {};
  if (take(OPENING) === null) return null;
  do {
    const key = take(KEY)?.groups?.key as Key | undefined;
    const value = key && take(VALUES[key])?.groups?.value;
    if (key === undefined || value === undefined || key in fields) return null;
    fields[key] = value;
  } while (take(COMMA) !== null && Object.keys(fields).length < 3);
  const isWhole = Object.keys(fields).length === 3 && take(CLOSING) !== null;
  return isWhole ? (fields as Record<Key, string>) : null;
}

function parseShape(tuple: string, name: string): number[] {
  const lengths = tuple.split(",").map((length) => length.trim());
  // (3,) ends in a comma and (3) is no tuple; () is the shape of a single number.
  if (lengths.at(-1) === "") lengths.pop();
  else if (lengths.length === 1) throw new Error(`${name}: expected a tuple for its shape, got ${shown(`(${tuple})`)}`);
  if (!lengths.every((length) => /^\d+$/.test(length))) {
    throw new Error(`${name}: expected a shape of whole numbers of at least 0, got ${shown(`(${tuple})`)}`);
  }
  if (lengths.length > MAX_DIMENSIONS) {
    throw new Error(`${name}: expected at most ${MAX_DIMENSIONS} dimensions, got ${lengths.length}`);
  }
  return lengths.map(Number);
}
