/**
 * What the pages say. English is written here; another language is an object of the same shape, and a line in `LANGUAGES`.
 */

import { en } from "./en";

type Shape<T> = { [K in keyof T]: T[K] extends string ? string : T[K] extends (...given: infer A) => string ? (...given: A) => string : Shape<T[K]> };
export type Words = Shape<typeof en>;

const LANGUAGES: Record<string, Words> = { en };

/** The language of the reader, as far as it is there. */
export const language =
  (typeof navigator === "undefined" ? [] : navigator.languages).find((one) => one.slice(0, 2) in LANGUAGES) ?? "en";
export const words: Words = LANGUAGES[language.slice(0, 2)] ?? en;

const plurals = new Intl.PluralRules(language);

/** `count` of something: `counted(2, "version", "versions")` is "2 versions". */
export function counted(count: number, one: string, other: string): string {
  return `${number(count)} ${plurals.select(count) === "one" ? one : other}`;
}

const numbers = new Intl.NumberFormat(language);

/** A whole number, as the reader writes it. */
export function number(value: number): string {
  return numbers.format(value);
}
