import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Encrypts secrets at rest. Texts look like `v1.<key id>.<iv>.<tag>.<ciphertext>`, base64url parts. */
export interface Vault {
  encrypt(plain: string): string;
  /** @throws Error when no key fits or the text was altered. */
  decrypt(sealed: string): string;
  /** What every text begins with that the first key encrypted. */
  readonly prefix: string;
}

const keyId = (key: Buffer): string => createHash('sha256').update(key).digest('base64url').slice(0, 8);

/** AES-256-GCM. The first key encrypts, all decrypt, so that keys can be rotated. `keys`: 32 bytes each. */
export function createVault(keys: readonly Buffer[]): Vault {
  const [current] = keys;
  if (!current) throw new Error('a vault needs at least one key');
  const byId = new Map(keys.map((key) => [keyId(key), key]));

  const prefix = `v1.${keyId(current)}.`;

  return {
    prefix,
    encrypt(plain) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', current, iv);
      const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      const parts = [iv, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'));
      return prefix + parts.join('.');
    },
    decrypt(text) {
      const [version, id = '', ...parts] = text.split('.');
      const key = byId.get(id);
      if (version !== 'v1' || !key) throw new Error('no encryption key fits this secret');
      const [iv, tag, sealed] = parts.map((part) => Buffer.from(part, 'base64url'));
      if (!iv || !tag || !sealed) throw new Error('the sealed secret is damaged');
      const decipher = createDecipheriv('aes-256-gcm', key, iv);
      decipher.setAuthTag(tag);
      return Buffer.concat([decipher.update(sealed), decipher.final()]).toString('utf8');
    },
  };
}

/** SHA-256, base64url: how keys and tokens that only need comparing are stored. */
export const hashSecret = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/** Compares two secrets in constant time, whatever their lengths. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Random, URL-safe text of `bytes` random bytes. */
export const randomToken = (bytes: number): string => randomBytes(bytes).toString('base64url');
