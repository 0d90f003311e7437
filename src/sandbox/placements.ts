import type { Portal } from './hit.ts';

/** A place in the portal where a page of an application opens. */
export interface PlacementRow {
  readonly id: number;
  readonly clientId: string;
  readonly placement: string;
  readonly handler: string;
  readonly title: string;
}

export function placements(portal: Portal) {
  return portal.table<PlacementRow>('placements');
}

export function putPlacement(
  portal: Portal,
  clientId: string,
  placement: string,
  handler: string,
  title: string,
): PlacementRow {
  const row = { id: portal.nextId('placement'), clientId, placement, handler, title };
  placements(portal).put(row.id, row);
  return row;
}
