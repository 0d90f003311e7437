import type { Finding } from './doctorFinding.ts';

/** A finding as it is shown. */
export interface Shown extends Finding {
  ok: boolean;
  repairable: boolean;
  repaired: boolean;
}

export interface Examination {
  items: Shown[];
  nextCursor: null;
  ok: boolean;
  /** How many findings were put right. */
  repaired: number;
  checkedAt: string;
  durationMs: number;
}

/** Looks at everything between a messenger and a portal, and repairs what it can. */
export interface Doctor {
  /** @throws RequestError not_found */
  examine(portalId: string, options: { repair: boolean; requestId: string }): Promise<Examination>;
}
