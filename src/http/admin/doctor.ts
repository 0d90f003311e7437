import { z } from 'zod';
import { CHECKS } from '../../bridge/doctorFinding.ts';
import { flag, time, uuid } from './fields.ts';
import { ok, route, type Route } from './route.ts';

const finding = z
  .object({
    check: z.enum(CHECKS),
    subject: z.string().nullable().meta({
      description: 'Which connector, line, bot, messenger or user, where a portal has several',
    }),
    ok: z.boolean(),
    state: z.enum(['ok', 'trouble', 'unknown']).meta({ description: '`unknown`: the check could not be made.' }),
    code: z
      .string()
      .nullable()
      .meta({
        description: 'What is wrong, for programs: in snake_case, or the error code of the portal',
        examples: ['not_bound'],
      }),
    detail: z.string(),
    repair: z.string().nullable().meta({ description: 'What to do about it, or what `?repair=true` does' }),
    repairable: z.boolean().meta({ description: 'Whether `?repair=true` can do it' }),
    repaired: z.boolean().meta({ description: 'It was wrong and has been put right by this request.' }),
  })
  .meta({ id: 'Finding', description: 'What the doctor says of one thing' });

const examination = z
  .object({
    items: z.array(finding),
    nextCursor: z.null().meta({ description: 'The list is never cut into pages.' }),
    ok: z.boolean().meta({ description: 'Whether everything is' }),
    repaired: z.int().nonnegative().meta({ description: 'How many findings were put right' }),
    checkedAt: time,
    durationMs: z.int().nonnegative(),
  })
  .meta({ id: 'Examination', description: 'The whole wiring of a portal, checked now' });

export const doctorRoutes: Route[] = [
  route({
    method: 'post',
    path: '/portals/:id/check',
    operationId: 'checkPortal',
    tag: 'Portals',
    summary: 'Check the whole wiring of a portal, and repair it',
    scope: 'write',
    description:
      'Looks at everything between the messenger and the portal, and names a repair for whatever is wrong. One check that fails or cannot be made hides no other. A blocked portal whose cause is gone goes on at once.',
    params: z.strictObject({ id: uuid }),
    query: z.strictObject({
      repair: flag.default(false).meta({ description: 'Repair what can be repaired, and look again' }),
    }),
    responses: { 200: examination },
    handler: async ({ deps, params: { id }, query: { repair }, requestId }) =>
      ok(await deps.doctor.examine(id, { repair, requestId })),
  }),
];
