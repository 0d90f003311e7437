import type { Portal } from '../../../hit.ts';
import { isArray, toText, type Params } from '../../../php/values.ts';
import { refuse } from '../../../refusal.ts';
import { DEFAULT_POSITION, type BotProfile } from '../bots.ts';
import { automaticColor, knownColor } from '../colors.ts';
import { readImage, storeImage, type Image } from '../images.ts';
import type { BotType } from '../tables.ts';
import { eitherCase } from './arguments.ts';

/** Enforced from 2026-08-06 on (contract imbot §5.1). */
export const TOKEN_LENGTH = 40;

const TYPES: readonly string[] = ['bot', 'network', 'openline', 'supervisor', 'personal'];
const BACKGROUNDS = ['azure', 'mint', 'steel', 'slate', 'teal', 'cornflower', 'sky', 'peach', 'frost'];

export function isBotType(type: string): type is BotType {
  return TYPES.includes(type);
}

/** Anything unknown is none. */
export function backgroundOf(value: unknown): string | null {
  const name = toText(value);
  return BACKGROUNDS.includes(name) ? name : null;
}

export function propertiesOf(fields: Params): Params {
  const properties = fields.properties ?? fields.PROPERTIES;
  return isArray(properties) ? properties : {};
}

/** http or https, and a host with a dot in it. */
export function checkCallback(address: string): void {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const fits = url && (url.protocol === 'http:' || url.protocol === 'https:') && url.hostname.includes('.');
  if (!fits) refuse('BOT_INVALID_CALLBACK', 'Invalid callback URL');
}

/** Nothing when no picture was sent. */
export function requireImage(avatar: unknown): Image | undefined {
  if (toText(avatar) === '') return undefined;
  const image = readImage(avatar);
  if (!image) refuse('BOT_AVATAR_INCORRECT_TYPE', 'Avatar must be an image file');
  if (image.tooLarge) refuse('BOT_AVATAR_INCORRECT_SIZE', 'Avatar image exceeds maximum dimensions (5000x5000)');
  return image;
}

export function newProfile(
  portal: Portal,
  properties: Params,
  image: Image | undefined,
  revision: number,
): BotProfile & { color: string } {
  const text = (name: string) => toText(eitherCase(properties, name));
  return {
    name: text('name'),
    lastName: text('lastName'),
    workPosition: text('workPosition') || DEFAULT_POSITION,
    gender: text('gender'),
    avatarUrl: image ? storeImage(portal, image) : '',
    color: knownColor(eitherCase(properties, 'color'), revision) ?? automaticColor(text('name').length),
  };
}
