/** Words that every page uses, and numbers in them. */

import { common } from "./en/common";
import { language, spoken } from "./language";

export { language } from "./language";

export const words = { common: spoken({ en: common }) };

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
