import { randomBytes } from 'node:crypto';
import type { Portal } from '../hit.ts';

/** Files of the staff. Whoever has the link may fetch one, as with the portal's public short links (contract imconnector §4.2). */

export interface UploadRow {
  readonly name: string;
  readonly mime: string;
  readonly base64: string;
}

export interface Uploaded {
  readonly name: string;
  readonly mime: string;
  readonly size: number;
  /** Path of the short link. */
  readonly path: string;
}

const uploads = (portal: Portal) => portal.table<UploadRow>('uploads');

export function upload(portal: Portal, file: { name: string; mime: string; body: Buffer }): Uploaded {
  const { name, mime, body } = file;
  const code = randomBytes(6).toString('hex');
  uploads(portal).put(code, { name, mime, base64: body.toString('base64') });
  return { name, mime, size: body.length, path: `/~${code}` };
}

export const uploadOf = (portal: Portal, code: string): UploadRow | undefined => uploads(portal).get(code);
