import { z } from 'zod';

/** Lists come in pages: `?limit` and `?cursor` ask for one, `{items, nextCursor}` answers. */

const MAX_LIMIT = 200;
const DEFAULT_LIMIT = 50;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DIGITS = /^[1-9]\d{0,17}$/;

const limit = z
  .string()
  .regex(/^\d{1,9}$/, `Invalid input: expected a number from 1 to ${MAX_LIMIT}`)
  .transform(Number)
  .pipe(z.int().min(1).max(MAX_LIMIT))
  .default(DEFAULT_LIMIT)
  .meta({
    description: 'Items of a page',
    override: { type: 'integer', minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT, pattern: undefined },
  });

/** The id of the last item seen. Opaque, so that it may become something else one day. */
const cursor = (id: RegExp) =>
  z
    .string()
    .transform((text) => Buffer.from(text, 'base64url').toString('latin1'))
    .refine((text) => id.test(text), 'Invalid input: expected the nextCursor of an earlier answer')
    .optional()
    .meta({ description: '`nextCursor` of the page before' });

export interface PageQuery {
  limit: number;
  cursor?: string | undefined;
}

/** Query members of a list whose items have UUIDs. */
export const uuidPage = { limit, cursor: cursor(UUID) };
/** Query members of a list whose items are numbered. */
export const digitsPage = { limit, cursor: cursor(DIGITS) };

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\|[a-zA-Z]+:[0-9a-f-]+$/;
/** Query members of a list in the order of time. */
export const timelinePage = { limit, cursor: cursor(MOMENT) };

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item),
    nextCursor: z.string().nullable().meta({ description: 'Null: this is the last page' }),
  });

/** `rows`: up to `limit` + 1 of them, the last one only tells that there are more. */
export function toPage<Row>(
  rows: readonly Row[],
  { limit: size }: PageQuery,
  idOf: (row: Row) => string,
  present: (row: Row) => unknown,
): { items: unknown[]; nextCursor: string | null } {
  const shown = rows.slice(0, size);
  const last = shown.at(-1);
  const more = rows.length > size && last !== undefined;
  return {
    items: shown.map(present),
    nextCursor: more ? Buffer.from(idOf(last), 'latin1').toString('base64url') : null,
  };
}
