// Options as the CDK's command line gives them: `-c name=value` is always text, cdk.json may hold numbers.
// All that is wrong is gathered, so that it can be told at once.

/** What is wrong with the options, in one line. */
export class OptionsError extends Error {
  override name = "OptionsError";
}

/** The CDK keeps values of its own in the context; names of ours are single words. */
const OWN_NAME = /^[a-z][A-Za-z0-9]*$/;

export class ContextReader {
  readonly #context: Record<string, unknown>;
  readonly #asked = new Set<string>();
  readonly #problems: string[] = [];

  constructor(context: Record<string, unknown>) {
    this.#context = context;
  }

  /** Text of a given form; `fallback` when the option is not given or empty. */
  text<Fallback extends string | null>(name: string, form: RegExp, expected: string, fallback: Fallback) {
    const value = this.#given(name);
    if (value === undefined) return fallback;
    const text = String(value);
    if (form.test(text)) return text;
    this.refuse(name, `expected ${expected}, got "${text}"`);
    return fallback;
  }

  whole(name: string, lowest: number, highest: number, fallback: number): number {
    const value = this.#given(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,9}$/.test(String(value)) ? Number(value) : Number.NaN;
    if (number >= lowest && number <= highest) return number;
    this.refuse(name, `expected a whole number from ${lowest} to ${highest}, got "${value}"`);
    return fallback;
  }

  flag(name: string, fallback: boolean): boolean {
    return this.text(name, /^(true|false)$/, "true or false", String(fallback)) === "true";
  }

  /** A JSON object, or its text. */
  object(name: string): Record<string, unknown> {
    const value = this.#given(name);
    if (value === undefined) return {};
    const parsed = typeof value === "string" ? parseJson(value) : value;
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return { ...parsed };
    this.refuse(name, `expected a JSON object, got ${JSON.stringify(value)}`);
    return {};
  }

  refuse(name: string, problem: string): void {
    this.#problems.push(`${name}: ${problem}`);
  }

  /** Call it last. @throws OptionsError naming every option that is wrong or unknown */
  finish(): void {
    const unknown = Object.keys(this.#context).filter((name) => OWN_NAME.test(name) && !this.#asked.has(name));
    for (const name of unknown) this.refuse(name, `no such option; there are ${[...this.#asked].join(", ")}`);
    if (this.#problems.length > 0) throw new OptionsError(this.#problems.join("; "));
  }

  #given(name: string): unknown {
    this.#asked.add(name);
    const value = this.#context[name];
    return value === "" || value === null ? undefined : value;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
