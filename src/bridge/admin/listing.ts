import type { Page } from './deps.ts';

/** One more than asked for, so that the page knows whether it is the last; ids grow with the time of creation. */
export const inOrder = <Where extends object>({ limit, cursor }: Page, where: Where = {} as Where) => ({
  where: cursor === undefined ? where : { ...where, id: { gt: cursor } },
  orderBy: { id: 'asc' as const },
  take: limit + 1,
});

export const newestFirst = <Where extends object>({ limit, cursor }: Page, where: Where) => ({
  where: cursor === undefined ? where : { ...where, id: { lt: BigInt(cursor) } },
  orderBy: { id: 'desc' as const },
  take: limit + 1,
});
