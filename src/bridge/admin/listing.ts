import type { Page } from './deps.ts';

/** One more than asked for, so that the page knows whether it is the last; ids grow with the time of creation. */
export const inOrder = <Where extends object>(
  { limit, cursor }: Page,
  where: Where = {} as Where,
  order: Order = 'oldest',
) => ({
  where: cursor === undefined ? where : { ...where, id: order === 'oldest' ? { gt: cursor } : { lt: cursor } },
  orderBy: { id: order === 'oldest' ? ('asc' as const) : ('desc' as const) },
  take: limit + 1,
});

/** What comes first. */
export type Order = 'oldest' | 'newest';

export const newestFirst = <Where extends object>({ limit, cursor }: Page, where: Where) => ({
  where: cursor === undefined ? where : { ...where, id: { lt: BigInt(cursor) } },
  orderBy: { id: 'desc' as const },
  take: limit + 1,
});
