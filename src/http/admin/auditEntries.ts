import { z } from 'zod';
import { type AuditRow, listAudit } from '../../bridge/admin/audit.ts';
import { timestamp } from '../../messenger/fields.ts';
import { time, uuid } from './fields.ts';
import { digitsPage, pageOf, toPage } from './pages.ts';
import { ok, route, type Route } from './route.ts';

const TARGET = /^([a-zA-Z]{1,40})(?::([!-~]{1,255}))?$/;

const members = z.record(z.string(), z.unknown());

const entry = z
  .object({
    id: z.string(),
    at: time,
    apiKey: z.object({ id: z.uuid(), name: z.string() }).meta({ description: 'Whose key it was, by its name then' }),
    requestId: z.string(),
    operation: z.string().meta({ description: '`operationId` of this document', examples: ['changeConversation'] }),
    path: z.string().meta({ description: 'Below `/admin/v1`' }),
    target: z.object({
      type: z.string().meta({ examples: ['conversation'] }),
      id: z
        .string()
        .nullable()
        .meta({ description: 'A companion goes by its conversation. Null: several, or none yet' }),
    }),
    request: members.meta({ description: 'Query and body' }),
    before: members.nullable().meta({ description: 'What differs afterwards. Null: there was nothing' }),
    after: members.nullable().meta({ description: 'What differs from before. Null: there is nothing' }),
    status: z.int().nullable().meta({ description: 'Of the answer. Null: under way, or its process died' }),
    code: z.string().nullable().meta({ description: 'Of the problem document of a refusal' }),
  })
  .meta({
    id: 'AuditEntry',
    description: 'A writing call. Secrets and texts of people are `[withheld]`: that there was one is all it tells.',
  });

const moment = timestamp.transform((iso) => new Date(iso)).optional();

const filters = z.strictObject({
  ...digitsPage,
  apiKeyId: uuid.optional(),
  operation: z
    .string()
    .regex(/^[a-zA-Z]{1,60}$/, 'Invalid input: expected an operationId of this document')
    .optional(),
  target: z
    .string()
    .regex(TARGET, 'Invalid input: expected a type, or a type and an id: conversation:0193…')
    .optional()
    .meta({ description: 'A type, or a type and an id: `conversation`, `messenger:shop-chat`' }),
  from: moment.meta({ description: 'Not before' }),
  to: moment.meta({ description: 'Before' }),
});

const present = (row: AuditRow): object => ({
  id: row.id.toString(),
  at: row.at.toISOString(),
  apiKey: { id: row.apiKeyId, name: row.apiKeyName },
  requestId: row.requestId,
  operation: row.operation,
  path: row.path,
  target: { type: row.targetType, id: row.targetId },
  request: row.request,
  before: row.before,
  after: row.after,
  status: row.status,
  code: row.code,
});

export const auditRoutes: Route[] = [
  route({
    method: 'get',
    path: '/audit',
    operationId: 'listAudit',
    tag: 'Audit',
    summary: 'Who changed what, newest first',
    scope: 'admin',
    description: 'Every writing call with a valid key, refused ones too. Kept for a year.',
    query: filters,
    responses: { 200: pageOf(entry) },
    async handler({ deps, query }) {
      const [, targetType, targetId] = TARGET.exec(query.target ?? '') ?? [];
      const rows = await listAudit(deps, { ...query, targetType, targetId }, query);
      return ok(toPage(rows, query, ({ id }) => id.toString(), present));
    },
  }),
];
