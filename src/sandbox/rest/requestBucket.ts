import type { Clock } from '../clock.ts';
import type { BucketSize, Plan, PortalRow } from '../portalRow.ts';

/** Contract platform §4.1. */
const BUCKET_OF_PLAN: Readonly<Record<Plan, BucketSize>> = {
  standard: { capacity: 50, drainPerSecond: 2 },
  enterprise: { capacity: 250, drainPerSecond: 5 },
};

export function bucketSizeOf({ profile, plan, requestLimit }: PortalRow): BucketSize | undefined {
  if (profile !== 'cloud' || requestLimit === 'off') return undefined;
  return requestLimit === 'plan' ? BUCKET_OF_PLAN[plan] : requestLimit;
}

export interface RequestBucket {
  /** False: refused with 503. */
  take(sourceIp: string): boolean;
}

/** Leaky bucket per source address: applications behind one address share it (contract platform §4.1). */
export function createRequestBucket(
  clock: Clock,
  size: () => BucketSize | undefined,
  refusedFill: boolean,
): RequestBucket {
  const levels = new Map<string, { level: number; at: number }>();
  return {
    take(sourceIp) {
      const limit = size();
      if (!limit) return true;
      const { capacity, drainPerSecond } = limit;
      const now = clock.now();
      const last = levels.get(sourceIp) ?? { level: 0, at: now };
      const level = Math.max(0, last.level - ((now - last.at) / 1000) * drainPerSecond);
      const fits = level + 1 <= capacity;
      levels.set(sourceIp, { level: fits || refusedFill ? level + 1 : level, at: now });
      return fits;
    },
  };
}
