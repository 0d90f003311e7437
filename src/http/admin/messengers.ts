import { z } from 'zod';
import {
  changeMessenger,
  createMessenger,
  getMessenger,
  listMessengers,
  type MessengerRow,
  removeMessenger,
  rotateSecret,
} from '../../bridge/admin/messengers.ts';
import { holdMessenger } from '../../bridge/admin/locks.ts';
import { webUrl } from '../../messenger/fields.ts';
import { PRESET_NAMES, presetOf } from '../../messenger/presets/all.ts';
import type { AdminDeps } from './deps.ts';
import { line, time } from './fields.ts';
import { pageOf, toPage, uuidPage } from './pages.ts';
import { created, gone, ok, route, type Route } from './route.ts';

const tag = 'Messengers';
const SLUG = /^[a-z0-9][a-z0-9_-]{0,62}$/;
const MAX_OVERLAP_H = 30 * 24;
const MAX_SETTINGS = 16_384;

const params = z.strictObject({ slug: z.string().regex(SLUG) });
const secret = z.string().meta({
  description: 'Of Standard Webhooks `whsec_` and base64; of another preset what that takes. Shown this once.',
});

/** PostgreSQL stores neither NUL nor half a character. */
const storable = (value: unknown): boolean => {
  const json = JSON.stringify(value);
  return json.length <= MAX_SETTINGS && !/\\u0000|\\ud[89a-f]/i.test(json.replaceAll('\\\\', ''));
};
const settings = z
  .record(z.string(), z.unknown())
  .refine(storable, `Invalid input: at most ${MAX_SETTINGS} characters, without NUL and unpaired surrogates`)
  .meta({
    description:
      'Whatever the preset understands. `media`: `gateway` makes Bitrix24 fetch all files through the gateway, which signs its requests to the host of `deliveryUrl`.',
  });

const messenger = z
  .object({
    slug: z.string(),
    name: z.string(),
    preset: z.string(),
    deliveryUrl: z.string().nullable(),
    settings: z.record(z.string(), z.unknown()),
    deliveries: z
      .object({
        state: z.enum(['on', 'off', 'paused', 'blocked']),
        reason: z.string().nullable(),
      })
      .meta({
        description:
          '`off`: there is no deliveryUrl. `paused`: by an administrator, or because the messenger answered 410. `blocked`: tried again soon.',
      }),
    webhookUrl: z.string().meta({ description: 'Where the messenger sends its events' }),
    createdAt: time,
  })
  .meta({ id: 'Messenger', description: 'An external system that calls the webhook' });

const madeMessenger = messenger
  .extend({ webhookSecret: secret, deliverySecret: secret })
  .meta({ id: 'MadeMessenger', description: 'A messenger with its secrets, which are shown this once' });

const ownSecret = z.string().max(300).meta({
  description: 'A secret the messenger made itself, such as the signing secret of a Slack application',
});
const fitsPreset = (preset: string, given: string | undefined): boolean =>
  given === undefined || (presetOf(preset)?.secret.test(given) ?? false);

const newMessenger = z
  .strictObject({
    slug: z
      .string()
      .regex(SLUG, 'Invalid input: expected 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit')
      .meta({ description: 'Last part of `webhookUrl`', examples: ['shop-chat'] }),
    name: line(255),
    preset: z.enum(PRESET_NAMES).default('standard').meta({
      description:
        'How it calls the webhook. `standard`: the events of this document. `telegram`: updates of the Bot API. `slack`: the Events API.',
    }),
    webhookSecret: ownSecret.optional(),
    deliveryUrl: webUrl.nullish().meta({ description: 'Where messages of operators go' }),
    settings: settings.optional(),
  })
  .refine(({ preset, webhookSecret }) => fitsPreset(preset, webhookSecret), {
    path: ['webhookSecret'],
    error: 'Invalid input: no secret of this preset looks like that',
  })
  .meta({ id: 'NewMessenger' });

const messengerChange = z
  .strictObject({
    name: line(255).optional(),
    deliveryUrl: webUrl.nullish(),
    settings: settings.optional(),
    paused: z.boolean().optional().meta({ description: 'Whether deliveries wait. A new `deliveryUrl` resumes them.' }),
  })
  .meta({ id: 'MessengerChange', description: 'What is left out stays; `settings` is replaced as a whole.' });

const kind = z.enum(['webhook', 'delivery']);
const rotation = z
  .strictObject({
    kind: kind.meta({ description: '`webhook`: the messenger signs with it. `delivery`: the gateway does.' }),
    overlapHours: z
      .number()
      .min(0)
      .max(MAX_OVERLAP_H)
      .default(24)
      .meta({ description: 'How long the secrets known before stay valid' }),
    secret: ownSecret.optional(),
  })
  .meta({ id: 'SecretRotation' });
const rotated = z
  .object({ kind, secret, createdAt: time, previousExpiresAt: time })
  .meta({ id: 'RotatedSecret', description: 'The new secret, and when the ones before it stop counting' });

const presentTo =
  ({ publicUrl, clock }: AdminDeps) =>
  (row: MessengerRow): object => {
    const { slug, name, preset, deliveryUrl, settings: own, createdAt } = row;
    return {
      slug,
      name,
      preset,
      deliveryUrl,
      settings: own,
      deliveries: deliveriesOf(row, clock.now()),
      webhookUrl: `${publicUrl()}/webhooks/${slug}`,
      createdAt: createdAt.toISOString(),
    };
  };

function deliveriesOf({ deliveryUrl, deliveryGate: gate }: MessengerRow, now: number): object {
  if (gate.paused) return { state: 'paused', reason: gate.blockedReason };
  if (deliveryUrl === null) return { state: 'off', reason: null };
  const isBlocked = gate.blockedUntil !== null && gate.blockedUntil.getTime() > now;
  return { state: isBlocked ? 'blocked' : 'on', reason: isBlocked ? gate.blockedReason : null };
}

export const messengerRoutes: Route[] = [
  route({
    method: 'get',
    path: '/messengers',
    operationId: 'listMessengers',
    tag,
    summary: 'Messengers',
    scope: 'read',
    query: z.strictObject(uuidPage),
    responses: { 200: pageOf(messenger) },
    handler: async ({ deps, query }) =>
      ok(toPage(await listMessengers(deps, query), query, ({ id }) => id, presentTo(deps))),
  }),
  route({
    method: 'post',
    path: '/messengers',
    operationId: 'createMessenger',
    tag,
    summary: 'Add a messenger',
    scope: 'write',
    body: newMessenger,
    example: { slug: 'shop-chat', name: 'Shop chat', deliveryUrl: 'https://chat.example.com/deliveries' },
    responses: { 201: madeMessenger },
    problems: ['conflict'],
    async handler({ deps, body }) {
      const { messenger: row, ...secrets } = await createMessenger(deps, body);
      // Whoever called the address before it existed made the directory remember that.
      deps.onMessengerChanged(row.slug);
      return created({ ...presentTo(deps)(row), ...secrets });
    },
  }),
  route({
    method: 'get',
    path: '/messengers/:slug',
    operationId: 'getMessenger',
    tag,
    summary: 'One messenger',
    scope: 'read',
    params,
    responses: { 200: messenger },
    hold: holdMessenger,
    handler: async ({ deps, params: { slug } }) => ok(presentTo(deps)(await getMessenger(deps, slug))),
  }),
  route({
    method: 'patch',
    path: '/messengers/:slug',
    operationId: 'changeMessenger',
    tag,
    summary: 'Change a messenger',
    scope: 'write',
    params,
    body: messengerChange,
    example: { deliveryUrl: 'https://chat.example.com/v2/deliveries', paused: false },
    responses: { 200: messenger },
    async handler({ deps, params: { slug }, body }) {
      const row = await changeMessenger(deps, slug, body);
      deps.onMessengerChanged(slug);
      return ok(presentTo(deps)(row));
    },
  }),
  route({
    method: 'delete',
    path: '/messengers/:slug',
    operationId: 'removeMessenger',
    tag,
    summary: 'Remove a messenger',
    scope: 'write',
    params,
    description: 'Refused while channels use it.',
    responses: { 204: null },
    problems: ['in_use'],
    async handler({ deps, params: { slug } }) {
      await removeMessenger(deps, slug);
      deps.onMessengerChanged(slug);
      return gone;
    },
  }),
  route({
    method: 'post',
    path: '/messengers/:slug/secrets',
    operationId: 'rotateSecret',
    tag,
    summary: 'Make a new signing secret',
    scope: 'write',
    params,
    description: 'The secrets known before stay valid for `overlapHours`, so that nothing is lost meanwhile.',
    body: rotation,
    example: { kind: 'webhook', overlapHours: 24 },
    responses: { 201: rotated },
    async handler({ deps, params: { slug }, body }) {
      const { secret: made, createdAt, previousExpiresAt } = await rotateSecret(deps, slug, body);
      deps.onMessengerChanged(slug);
      const times = { createdAt: createdAt.toISOString(), previousExpiresAt: previousExpiresAt.toISOString() };
      return created({ kind: body.kind, secret: made, ...times });
    },
  }),
];
