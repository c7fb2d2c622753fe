// A strict reader of protobuf's text format, as far as Triton's configurations use it: what it does not
// know is an error, and so is a field that comes twice without being a map.

export type Value = string | number | boolean | Message | Value[];
export interface Message {
  [field: string]: Value;
}

/** Maps: each of their entries comes as a field of its own. */
const MAPS = ["inputs"];

/** How a word such as TYPE_FP32 is read: marked, so that it is no string. */
export const word = (name: string) => `<${name}>`;

const TOKEN = /\s*(?:#[^\n]*\n\s*)*("(?:[^"\\\n]|\\.)*"|[A-Za-z_][A-Za-z0-9_]*|-?\d+|[{}[\]:,]|$)/y;

/** @throws SyntaxError */
export function parseTextFormat(text: string): Message {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (;;) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new SyntaxError(`unexpected ${JSON.stringify(text.slice(at, at + 20))}`);
    if (match[1] === "") break;
    tokens.push(match[1]);
  }
  const reader = { tokens, at: 0 };
  const message = readFields(reader);
  if (reader.at < tokens.length) throw new SyntaxError(`unexpected ${tokens[reader.at]}`);
  return message;
}

interface Reader {
  tokens: string[];
  at: number;
}

function readFields(reader: Reader): Message {
  const message: Message = {};
  while (reader.at < reader.tokens.length && reader.tokens[reader.at] !== "}") {
    const name = reader.tokens[reader.at++];
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new SyntaxError(`expected a field, got ${name}`);
    const hasColon = takes(reader, ":");
    const value = readValue(reader);
    const isMessage = typeof value === "object" && (!Array.isArray(value) || typeof value[0] === "object");
    if (!hasColon && !isMessage) throw new SyntaxError(`${name}: expected a colon`);
    if (name in message && !MAPS.includes(name)) throw new SyntaxError(`${name}: comes twice`);
    message[name] = MAPS.includes(name) ? [...((message[name] as Value[] | undefined) ?? []), value] : value;
  }
  return message;
}

function readValue(reader: Reader): Value {
  if (takes(reader, "{")) {
    const message = readFields(reader);
    expect(reader, "}");
    return message;
  }
  if (takes(reader, "[")) {
    const values: Value[] = [];
    do values.push(readValue(reader));
    while (takes(reader, ","));
    expect(reader, "]");
    return values;
  }
  return readScalar(reader.tokens[reader.at++] ?? "the end");
}

function readScalar(token: string): Value {
  if (token.startsWith('"')) return withoutEscapes(token.slice(1, -1));
  if (/^-?\d+$/.test(token)) return Number(token);
  if (token === "true" || token === "false") return token === "true";
  if (/^[A-Z]/.test(token)) return word(token);
  throw new SyntaxError(`expected a value, got ${token}`);
}

function withoutEscapes(text: string): string {
  return text.replace(/\\([0-7]{3}|["\\])|\\/g, (whole, code?: string) => {
    if (code === undefined) throw new SyntaxError(`unknown escape at ${whole}`);
    return code.length === 3 ? String.fromCharCode(Number.parseInt(code, 8)) : code;
  });
}

function takes(reader: Reader, token: string): boolean {
  if (reader.tokens[reader.at] !== token) return false;
  reader.at++;
  return true;
}

function expect(reader: Reader, token: string): void {
  if (!takes(reader, token)) throw new SyntaxError(`expected ${token}, got ${reader.tokens[reader.at] ?? "the end"}`);
}
