import { z } from 'zod';
import { lineId, text } from '../../messenger/fields.ts';
import { UUID } from '../../kit/uuid.ts';

/** The parts that the bodies of the administration are made of. */

const MAX_INT4 = 2 ** 31 - 1;
/** Fits a bigint of PostgreSQL. */
const DIGITS = /^[1-9]\d{0,17}$/;

export const uuid = z
  .string()
  .regex(UUID, 'Invalid input: expected a UUID')
  .toLowerCase()
  .meta({ override: { type: 'string', format: 'uuid', pattern: undefined } });
/** Fits an integer of PostgreSQL. */
export const int4 = z
  .string()
  .regex(/^[1-9]\d{0,9}$/)
  .refine((text) => Number(text) <= MAX_INT4);
export const digits = z.string().regex(DIGITS, 'Invalid input: expected digits');

/** One visible line of at most `max` characters. */
export const line = (max: number) => text.trim().min(1).max(max);

export const titleTemplate = line(255)
  .refine(hasOnlyKnownPlaceholders, 'Invalid input: the placeholders are {name}, {id}, {messenger} and {topic}')
  .meta({ description: 'Placeholders: `{name}`, `{id}`, `{messenger}`, `{topic}`. Without one: `{name}`.' });

const PLACEHOLDERS = ['{name}', '{id}', '{messenger}', '{topic}'];
function hasOnlyKnownPlaceholders(template: string): boolean {
  return (template.match(/\{\w+\}/g) ?? []).every((placeholder) => PLACEHOLDERS.includes(placeholder));
}

/** A user of the portal; Bitrix24 writes its numbers as text here and there. */
export const userId = z
  .union(
    [z.int().min(1).max(MAX_INT4), z.string().regex(/^[1-9]\d{0,8}$/)],
    'Invalid input: expected the number of a user of the portal',
  )
  .transform(Number)
  .meta({ override: { type: 'integer', anyOf: undefined, minimum: 1 } });
/** The portal lists at most 400 members of a chat (contract imbot §7.3): more could not be verified. */
export const userIds = z.array(userId).max(350);

export const portalLine = lineId.meta({
  description: 'Number of an Open Channel line of the portal. Digits as text are accepted.',
});

/** Contract imbot §4.5. */
export const COLORS = [
  'red',
  'green',
  'mint',
  'lightBlue',
  'darkBlue',
  'purple',
  'aqua',
  'pink',
  'lime',
  'brown',
  'azure',
  'khaki',
  'sand',
  'marengo',
  'gray',
  'graphite',
] as const;
export const color = z.enum(COLORS);

/** Spaces go first: an expression that may match them in two ways looks at a long text once per character. */
const isBase64 = (text: string): boolean => /^[A-Za-z0-9+/]+={0,2}$/.test(text.replaceAll(/\s/g, ''));
export const avatar = z
  .string()
  .refine(isBase64, 'Invalid input: expected base64 without a `data:` prefix')
  .meta({ description: 'Base64 of an image of at most 5000 x 5000 points, without a `data:` prefix' });

export const flag = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .meta({ override: { type: 'boolean', enum: undefined } });

/** Bits of answers. */
export const time = z.iso.datetime();
export const count = z.int().nonnegative();
export const chatId = z
  .union([z.int(), z.string()])
  .meta({ description: 'A number wherever it is exact in JSON, else its digits as text' });
export const wiringState = z
  .enum(['pending', 'ready', 'failed', 'disconnected'])
  .meta({ description: '`pending`: the gateway is still making it so on the portal; `failed`: see `lastError`.' });

export const chatIdOf = (id: string | null): number | string | null =>
  id === null ? null : /^\d+$/.test(id) && Number.isSafeInteger(Number(id)) ? Number(id) : id;

export const timeOf = (date: Date | null): string | null => date?.toISOString() ?? null;
