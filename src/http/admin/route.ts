import { z } from 'zod';
import type { Tx } from '../../db/database.ts';
import type { ProblemCode } from '../../kit/errors.ts';
import type { ApiKey, Scope } from '../apiKey.ts';
import type { AdminDeps } from './deps.ts';

/** Routes are data: the router serves them, and the OpenAPI document describes the very same table. */

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

/** What a handler is given: everything checked already. */
export interface Context<Params, Query, Body> {
  deps: AdminDeps;
  params: Params;
  query: Query;
  body: Body;
  requestId: string;
  apiKey: ApiKey;
  /** Of a route that takes one. */
  upload: Upload;
}

/** A body that is read as it comes, and never held as a whole. */
export interface Upload {
  /** One of those the route takes, without parameters. */
  contentType: string;
  bytes: AsyncIterable<Uint8Array>;
}

export interface Answer {
  status: number;
  /** JSON; absent for 204. */
  body?: unknown;
}

interface Documented {
  method: Method;
  /** Below `/admin/v1`, in the words of Express: `/portals/:id`. */
  path: string;
  operationId: string;
  tag: string;
  summary: string;
  description?: string;
  scope: Scope;
  /** Content types of a body that is read as it comes; instead of `body`. With an example of each. */
  upload?: Readonly<Record<string, string>>;
  /** Answers by status; null: without a body. */
  responses: Readonly<Record<number, z.ZodType | null>>;
  /** Refusals of its own, besides those every route has. */
  problems?: readonly ProblemCode[];
}

/**
 * A `GET` of one thing also says what that thing is: `PATCH`, `PUT` and `DELETE` of the same path are compared with what
 * it shows (`ETag`, `If-Match`, audit).
 */
export interface Route extends Documented {
  params: z.ZodObject;
  query: z.ZodObject;
  /** Undefined: the method carries none. */
  body: z.ZodObject | undefined;
  /** A body that is accepted, shown in the document. */
  example: object | undefined;
  /** Of a `GET`: holds the rows it shows until the transaction is over. */
  hold?(tx: Tx, params: unknown): Promise<unknown>;
  handler(context: Context<unknown, unknown, unknown>): Promise<Answer>;
}

type Nothing = z.ZodObject<Record<never, never>>;

interface Definition<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodObject,
> extends Documented {
  params?: Params;
  query?: Query;
  body?: Body;
  /** Of the body. Ids in it are made up. */
  example?: z.input<Body>;
  hold?(tx: Tx, params: z.output<Params>): Promise<unknown>;
  handler(context: Context<z.output<Params>, z.output<Query>, z.output<Body>>): Promise<Answer>;
}

const nothing = z.strictObject({});
const CARRIES_BODY: readonly Method[] = ['post', 'put', 'patch'];

/** A route whose handler knows the types of its own schemas. */
export function route<
  Params extends z.ZodObject = Nothing,
  Query extends z.ZodObject = Nothing,
  Body extends z.ZodObject = Nothing,
>(definition: Definition<Params, Query, Body>): Route {
  const isJson = CARRIES_BODY.includes(definition.method) && !definition.upload;
  const body = isJson ? (definition.body ?? nothing) : undefined;
  return { params: nothing, query: nothing, example: undefined, ...definition, body };
}

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const created = (body: unknown): Answer => ({ status: 201, body });
/** It will happen. */
export const accepted = (body?: unknown): Answer => ({ status: 202, body });
export const gone: Answer = { status: 204 };

/** Of calls that remove something from the portal too. */
export const removal = {
  204: null,
  202: z
    .object({ state: z.literal('pending') })
    .meta({ id: 'Removal', description: 'Removed from the gateway; the portal will follow.' }),
};
export const removed = (over: boolean): Answer => (over ? gone : accepted({ state: 'pending' }));
