/**
 * The reader's language. English is written in `words/en`. Another language is a folder of the same files, and an entry in
 * each module of `words/`: the words of a page come with the page.
 */

/** Words of the same shape in another language: the same names, and functions of the same values. */
export type Shape<T> = {
  [K in keyof T]: T[K] extends string
    ? string
    : T[K] extends (...given: infer A) => string
      ? (...given: A) => string
      : Shape<T[K]>;
};

/** Languages that all pages are written in. */
const WRITTEN = ["en"];

/** The language of the reader, as far as it is there. */
export const language =
  (typeof navigator === "undefined" ? [] : navigator.languages).find((one) => WRITTEN.includes(one.slice(0, 2))) ?? "en";

/** The words of the reader's language; English where there are none. */
export function spoken<T>(languages: { en: T } & Record<string, Shape<T>>): T {
  return (languages[language.slice(0, 2)] as T | undefined) ?? languages.en;
}
