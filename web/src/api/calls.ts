/** What may be asked of the server and what it answers, worked out from the `paths` of its OpenAPI document. */

import type { paths } from "./schema";

export type Method = "get" | "put" | "post" | "patch" | "delete";

/** The paths that know a method. */
export type PathOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, Operation> ? P : never;
}[keyof paths];

interface Operation {
  parameters: object;
  requestBody?: unknown;
  responses: object;
}

type OperationOf<M extends Method, P extends PathOf<M>> = paths[P] extends Record<M, infer O extends Operation> ? O : never;

/** The names of the properties that must be there. */
type Needed<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];
type IfNeeded<T, Yes, No> = [Needed<T>] extends [never] ? No : Yes;

type ContentOf<T> = T extends { content: infer C } ? C[keyof C] : undefined;
type Fine = 200 | 201 | 202 | 203 | 204 | 205 | 206;

type WithParams<O extends Operation> = IfNeeded<
  O["parameters"],
  { params: O["parameters"] },
  { params?: O["parameters"] }
>;
type WithBody<O extends Operation> = [NonNullable<O["requestBody"]>] extends [never]
  ? { body?: never }
  : IfNeeded<
      Pick<O, "requestBody">,
      { body: ContentOf<O["requestBody"]> },
      { body?: ContentOf<NonNullable<O["requestBody"]>> }
    >;

/** What a request says besides its path. */
type Asked<O extends Operation> = WithParams<O> &
  WithBody<O> & { headers?: Record<string, string>; signal?: AbortSignal };

/** It can be left out where nothing in it is needed. */
type Rest<O extends Operation, More = unknown> = IfNeeded<Asked<O>, [Asked<O> & More], [(Asked<O> & More)?]>;

/** What is answered when all is well. */
type Given<O extends Operation> = {
  [S in keyof O["responses"] & Fine]: ContentOf<O["responses"][S]>;
}[keyof O["responses"] & Fine];

export interface Answer<T> {
  data?: T;
  /** The body of a refusal. */
  error?: unknown;
  response: Response;
}

export interface Ask<M extends Method> {
  <P extends PathOf<M>>(path: P, ...rest: Rest<OperationOf<M, P>, { parseAs?: "json" }>): Promise<Answer<Given<OperationOf<M, P>>>>;
  /** Of a file that is text. */
  <P extends PathOf<M>>(path: P, asked: Asked<OperationOf<M, P>> & { parseAs: "text" }): Promise<Answer<string>>;
}
