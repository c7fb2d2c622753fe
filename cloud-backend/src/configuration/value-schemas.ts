// What the value of a setting may be. All of them are read from text, as the environment knows nothing else.
import { z } from "zod";

export function text() {
  return z.string().min(1, "expected text that is not empty");
}

export function wholeNumber(min: number, max: number) {
  const message = `expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

/** With up to three decimals. */
export function decimal(min: number, max: number) {
  const message = `expected a number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}(\.\d{1,3})?$/, message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message);
}

export function oneOf<const Words extends readonly string[]>(words: Words) {
  return z.enum(words, `expected ${words.slice(0, -1).join(", ")} or ${words.at(-1)}`);
}

/** Two words for true and false. */
export function onOff(on: string, off: string) {
  return oneOf([on, off]).transform((word) => word === on);
}

/** At least one, separated by commas, none of them twice. */
export function listOf<Value>(element: z.ZodType<Value, string>) {
  return z
    .string()
    .transform((list) => list.split(",").map((part) => part.trim()))
    .pipe(z.array(element).refine((values) => new Set(values).size === values.length, "expected each of them once"));
}

export function httpUrl() {
  return z.url({ protocol: /^https?$/, error: "expected an http or https URL" });
}

/** What may stand in an `Authorization` header after "Bearer". */
export function token() {
  return z.string().regex(/^[\w.~+/=-]+$/, "expected letters, digits and . _ ~ + / = -");
}
