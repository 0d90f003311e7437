import type { OutboxTx } from '../outbox/job.ts';

/** What an import shows of itself while it goes on, and afterwards. */

/** Lines, by what became of them; `dialogs…`: on the portals, behind the storing. */
export interface ImportCounts {
  created: number;
  /** Mapped already; name or person changed. */
  updated: number;
  unchanged: number;
  failed: number;
  /** Lines whose dialog is to be looked up, and how many of them were. */
  dialogsToAsk: number;
  dialogsAsked: number;
  /** Dialogs that were there before, and belong to their conversations now. */
  adopted: number;
}

export type LineFinding =
  /** Of the line itself: `field` and `problem` tell what. */
  | 'invalid'
  | 'unknown_channel'
  | 'portal_uninstalled'
  /** An earlier line maps the same conversation. */
  | 'duplicate'
  /** The conversation is mapped through another channel. */
  | 'mapped_elsewhere'
  /** An id the conversation had before it was migrated. */
  | 'migrated'
  /** The portal does not show the chat the line names. */
  | 'dialog_missing'
  /** That chat is the dialog of something else. */
  | 'dialog_of_other';

export interface LineProblem {
  line: number;
  finding: LineFinding;
  /** Member of the mapping; null: the line as a whole. */
  field: string | null;
  problem: string;
  conversationId?: string;
}

/** Findings that are kept of one import; the others are counted. */
const KEPT_FINDINGS = 10_000;

export interface Progress {
  /** Added to what there is. */
  counts?: Partial<ImportCounts>;
  problems?: readonly LineProblem[];
  lines?: { total?: number; checked?: number };
}

const ADVANCE = `
update run r set
  total = r.total + $3::int, checked = r.checked + $4::int, found = r.found + $5::int,
  repaired = r.repaired + coalesce(($2::jsonb ->> 'adopted')::int, 0),
  counts = r.counts || (select coalesce(jsonb_object_agg(d.key, coalesce((r.counts ->> d.key)::int, 0) + d.value::int), '{}')
    from jsonb_each_text($2::jsonb) d)
where r.id = $1::uuid
returning r.found`;

/** Adds to what the run shows; locks its row until the transaction ends. */
export async function advance(tx: OutboxTx, runId: string, { counts = {}, problems = [], lines = {} }: Progress) {
  const { total = 0, checked = 0 } = lines;
  const added = JSON.stringify(counts);
  const [row] = await tx.sql.rows<{ found: number }>(ADVANCE, runId, added, total, checked, problems.length);
  const room = KEPT_FINDINGS - ((row?.found ?? 0) - problems.length);
  const data = problems.slice(0, Math.max(0, room)).map(({ finding, conversationId = null, ...detail }) => ({
    runId,
    finding,
    conversationId,
    detail,
  }));
  if (data.length > 0) await tx.prisma.runFinding.createMany({ data });
}
