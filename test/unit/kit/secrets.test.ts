import { randomBytes } from 'node:crypto';
import { expect, test } from '@jest/globals';
import { createVault, sameSecret } from '../../../src/kit/secrets.ts';
import { redact } from '../../../src/kit/redact.ts';

test('a new key encrypts, and an old one still decrypts', () => {
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  const sealed = createVault([old]).encrypt('whsec_secret');
  expect(sealed).not.toContain('whsec_secret');
  const rotated = createVault([fresh, old]);
  expect(rotated.decrypt(sealed)).toBe('whsec_secret');
  expect(() => createVault([fresh]).decrypt(sealed)).toThrow('no encryption key fits');
});

test('a secret that was altered is not decrypted', () => {
  const vault = createVault([randomBytes(32)]);
  const sealed = vault.encrypt('x');
  expect(() => vault.decrypt(`${sealed.slice(0, -2)}AA`)).toThrow();
});

test('secrets of different lengths compare as different', () => {
  expect(sameSecret('a', 'a')).toBe(true);
  expect(sameSecret('a', 'ab')).toBe(false);
  expect(sameSecret('', 'a')).toBe(false);
});

test('what looks like a secret or personal text is blanked, however deep', () => {
  const line = redact({
    portalId: 'p',
    accessToken: 't',
    nested: [{ application_token: 't', text: 'Hello', phone: '1', status: 200 }],
    error: Object.assign(new Error('failed'), { config: { headers: { authorization: 'Bearer x' } } }),
  });
  expect(JSON.stringify(line)).not.toMatch(/"t"|Hello|Bearer/);
  expect(line).toMatchObject({ portalId: 'p', nested: [{ status: 200 }], error: { message: 'failed' } });
});
