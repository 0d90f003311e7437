import { z } from 'zod';

/** The parts that events are made of. */

const MAX_ID_LENGTH = 255;
const MAX_INT4 = 2 ** 31 - 1;
const MAX_YEAR_9999 = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** PostgreSQL stores neither of the two: NUL is dropped, half a character becomes U+FFFD. */
const storable = (text: string): string => text.replaceAll('\0', '').replace(/\p{Surrogate}/gu, '\uFFFD');

/** The examples again as an override: zod drops them from the input side of schemas that transform something. */
export const documented = (id: string, description: string, example: object) => ({
  id,
  description,
  examples: [example],
  override: { examples: [example] },
});

// An identifier is never repaired: two of them could become the same one.
export const identifier = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => storable(text) === text, 'Invalid input: holds NUL characters or unpaired surrogates');

export const id = identifier(MAX_ID_LENGTH);
export const text = z.string().overwrite(storable);
export const name = text.regex(/\S/, 'Invalid input: must not be blank');
/** A blank part of a person's name says that there is none; no message is refused over it. */
const personName = text.transform((value) => (value.trim() === '' ? undefined : value));
export const webUrl = z.url({ protocol: /^https?$/ }).overwrite(storable);
export const kind = z.enum(['direct', 'group']);
export const format = z.enum(['plain', 'markdown', 'html']);

export const timestamp = z.iso
  .datetime({ offset: true, abort: true, error: 'Invalid input: expected an ISO date-time with an offset' })
  .refine((iso) => Date.parse(iso) >= 0 && Date.parse(iso) <= MAX_YEAR_9999, {
    abort: true,
    error: 'Invalid input: expected a time from 1970 to 9999',
  })
  .overwrite((iso) => new Date(iso).toISOString())
  .meta({ description: 'When it happened; decides between renames. Kept in milliseconds, UTC.' });

const NOT_A_LINE = 'Invalid input: expected the number of a line';
/** Bitrix24 itself writes line numbers as text here and as numbers there. */
export const lineId = z
  .union([z.int().min(1).max(MAX_INT4), z.string().regex(/^[1-9]\d{0,8}$/, NOT_A_LINE)], NOT_A_LINE)
  .transform(Number);

export const person = z
  .object({
    id,
    name: personName.optional(),
    lastName: personName.optional(),
    username: personName.optional(),
    avatarUrl: webUrl.optional(),
    url: webUrl.optional(),
    phone: text.optional(),
    email: text.optional(),
    gender: z.enum(['male', 'female']).optional(),
  })
  .meta(
    documented('Person', 'Somebody in the messenger. Only `id` is needed; blank names count as absent.', {
      id: 'u-7',
      name: 'Anna',
      lastName: 'Berg',
      username: 'anna_b',
      email: 'anna@example.com',
    }),
  );

export const attachment = z
  .object({
    url: webUrl,
    name: text.optional(),
    mimeType: text.optional(),
    size: z.int().nonnegative().meta({ description: 'Bytes' }).optional(),
  })
  .meta(
    documented('Attachment', 'A file the gateway can fetch from `url`.', {
      url: 'https://files.example.com/1.pdf',
      name: 'invoice.pdf',
      mimeType: 'application/pdf',
      size: 4096,
    }),
  );

export const sequence = z.int().meta({
  description: 'Position of the event in its conversation, where the messenger has one; decides before `timestamp`.',
});
