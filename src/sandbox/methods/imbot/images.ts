import { portalUrl } from '../../address.ts';
import type { Portal } from '../../hit.ts';
import { toText } from '../../php/values.ts';

const BEGINNINGS: readonly [mime: string, bytes: string][] = [
  ['png', '89504e470d0a1a0a'],
  ['jpeg', 'ffd8ff'],
  ['gif', '474946383'],
  ['webp', '52494646'],
  ['bmp', '424d'],
];
const MAX_SIDE = 5000;

export interface Image {
  readonly kind: string;
  readonly tooLarge: boolean;
}

/** Reads a raw base64 image without a `data:` prefix; nothing when it is none. */
export function readImage(base64: unknown): Image | undefined {
  const bytes = Buffer.from(toText(base64), 'base64');
  const head = bytes.subarray(0, 8).toString('hex');
  const kind = BEGINNINGS.find(([, beginning]) => head.startsWith(beginning))?.[0];
  if (kind === undefined) return undefined;
  // Width and height of a PNG stand in its first chunk; other kinds are taken as they are.
  const sides = kind === 'png' && bytes.length >= 24 ? [bytes.readUInt32BE(16), bytes.readUInt32BE(20)] : [];
  return { kind, tooLarge: sides.some((side) => side > MAX_SIDE) };
}

/** Each upload is a new file with a new address; the original bytes cannot be read back (contract imbot §18.35). */
export function storeImage(portal: Portal, { kind }: Image): string {
  return `${portalUrl(portal.row())}/upload/avatar/${portal.nextId('file')}.${kind}`;
}
