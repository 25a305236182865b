/** Records as the server sends them: with every field. Its document calls those optional whose default is a list or an object. */

export type Whole<T> = T extends (infer Item)[]
  ? Whole<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Whole<T[Key]> }
    : T;

/** An answer of the server, as it really is. */
export function whole<T>(answer: Promise<T>): Promise<Whole<T>> {
  return answer as Promise<Whole<T>>;
}
