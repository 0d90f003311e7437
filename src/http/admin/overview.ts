import { z } from 'zod';
import { COUNTED, DECISIONS, type Overview, readOverview } from '../../bridge/admin/overview.ts';
import { count, time, timeOf } from './fields.ts';
import { ok, route, type Route } from './route.ts';

const upTo = count.max(COUNTED).meta({ description: `Counted up to ${COUNTED}` });

const decision = z
  .object({
    kind: z.enum(DECISIONS),
    count: upTo,
    id: z.string().nullable().meta({ description: 'Of the portal, messenger, channel, connector or bot' }),
    name: z.string().nullable().meta({ description: 'Domain, slug or code of the same' }),
    portalId: z.uuid().nullable(),
    reason: z.string().nullable().meta({ description: 'A code' }),
  })
  .meta({ id: 'Decision', description: 'Something that does not become well without a person' });

const bucket = z
  .object({
    at: time.meta({ description: 'Beginning of five minutes; the last ones are not over' }),
    received: count.meta({ description: 'Webhook events' }),
    done: count.meta({ description: 'Jobs' }),
    failed: count.meta({ description: 'Attempts that failed, those that will be repeated too' }),
    backlog: count.nullable().meta({ description: 'Jobs waiting or running at the end; null: nobody counted' }),
  })
  .meta({ id: 'Activity' });

const overview = z
  .object({
    at: time,
    jobs: z.object({
      open: count.meta({ description: 'Waiting or running' }),
      dead: upTo,
      parked: upTo,
      oldestDueAt: time.nullable().meta({ description: 'Since when the oldest work that is due waits; null: none is' }),
    }),
    names: z.object({ pending: upTo, waitingForDialog: upTo, failed: upTo }),
    decisions: z.array(decision).meta({ description: 'What stops most comes first' }),
    activity: z.array(bucket).meta({ description: 'Oldest first' }),
  })
  .meta({ id: 'Overview', description: 'How everything is at a glance. Cheap, however large the tables are.' });

const hours = z
  .string()
  .regex(/^\d{1,3}$/, 'Invalid input: expected a number from 1 to 168')
  .transform(Number)
  .pipe(z.int().min(1).max(168))
  .default(6)
  .meta({
    description: 'How far back the activity goes',
    override: { type: 'integer', minimum: 1, maximum: 168, default: 6, pattern: undefined },
  });

const present = ({ at, jobs, names, decisions, activity }: Overview): object => ({
  at: at.toISOString(),
  jobs: { ...jobs, oldestDueAt: timeOf(jobs.oldestDueAt) },
  names,
  decisions,
  activity: activity.map((row) => ({ ...row, at: row.at.toISOString() })),
});

export const overviewRoutes: Route[] = [
  route({
    method: 'get',
    path: '/overview',
    operationId: 'getOverview',
    tag: 'Overview',
    summary: 'How everything is, and what needs a decision',
    scope: 'read',
    query: z.strictObject({ hours }),
    responses: { 200: overview },
    handler: async ({ deps, query }) => ok(present(await readOverview(deps, query.hours))),
  }),
];
