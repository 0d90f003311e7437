import type { Database, Prisma, Sql } from '../../db/database.ts';
import type { Page } from './deps.ts';
import { newestFirst } from './listing.ts';

/**
 * What was changed through the administration, and by whom. An entry is written before the work begins and completed
 * after it, so that nothing is ever changed without one; what the change was is written in the transaction of the
 * change itself.
 */

export type AuditRow = Prisma.AuditEntryGetPayload<object>;

export interface AuditTarget {
  /** `conversation`, `channel`, … */
  type: string;
  /** Null: many at once, or one that does not exist yet. */
  id: string | null;
}

export interface AuditedCall {
  apiKey: { id: string; name: string };
  requestId: string;
  /** `operationId` of the OpenAPI document. */
  operation: string;
  path: string;
  target: AuditTarget;
  /** Without secrets and personal text, like everything here. */
  request: unknown;
  at: Date;
}

/** Null: there was, or is, nothing. */
export interface AuditedChange {
  before: unknown;
  after: unknown;
}

export interface AuditOutcome {
  status: number;
  /** Of the problem document of a refusal. */
  code?: string | undefined;
  /** Of what was made. */
  targetId?: string | undefined;
  change?: AuditedChange | undefined;
}

const BEGIN = `
insert into audit_entry (at, api_key_id, api_key_name, request_id, operation, path, target_type, target_id, request)
values ($1::timestamptz, $2::uuid, $3, $4, $5, $6, $7, $8, $9::jsonb) returning id::text as id`;

/** @returns the id of the entry. */
export async function beginAudit(sql: Sql, call: AuditedCall): Promise<string> {
  const { at, apiKey, requestId, operation, path, target, request } = call;
  const values = [at, apiKey.id, apiKey.name, requestId, operation, path, target.type, target.id];
  const [row] = await sql.rows<{ id: string }>(BEGIN, ...values, JSON.stringify(request ?? {}));
  return row!.id;
}

const CHANGE = `
update audit_entry set before = $2::text::jsonb, after = $3::text::jsonb where id = $1::bigint returning 1 as changed`;

/** In the transaction of the change: whoever sees the one sees the other. */
export async function auditChange(sql: Sql, id: string, { before, after }: AuditedChange): Promise<void> {
  await sql.rows(CHANGE, id, jsonOf(before), jsonOf(after));
}

const END = `
update audit_entry set status = $2::int, code = $3::text, target_id = coalesce(target_id, $4::text),
  before = coalesce(before, $5::text::jsonb), after = coalesce(after, $6::text::jsonb)
where id = $1::bigint returning 1 as ended`;

export async function endAudit(sql: Sql, id: string, outcome: AuditOutcome): Promise<void> {
  const { status, code = null, targetId = null, change } = outcome;
  await sql.rows(END, id, status, code, targetId, jsonOf(change?.before), jsonOf(change?.after));
}

const jsonOf = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value);

export interface AuditFilter {
  apiKeyId?: string | undefined;
  operation?: string | undefined;
  targetType?: string | undefined;
  targetId?: string | undefined;
  /** Not before. */
  from?: Date | undefined;
  /** Before. */
  to?: Date | undefined;
}

/** Newest first. */
export function listAudit(
  { db }: { db: Database },
  { apiKeyId, operation, targetType, targetId, from, to }: AuditFilter,
  page: Page,
): Promise<AuditRow[]> {
  const at = { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lt: to }) };
  const where = {
    ...(apiKeyId === undefined ? {} : { apiKeyId }),
    ...(operation === undefined ? {} : { operation }),
    ...(targetType === undefined ? {} : { targetType }),
    ...(targetId === undefined ? {} : { targetId }),
    ...(from === undefined && to === undefined ? {} : { at }),
  };
  return db.prisma.auditEntry.findMany(newestFirst(page, where));
}
