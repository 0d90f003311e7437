import type { lookup } from 'node:dns';
import axios from 'axios';
import { createEgress } from '../../../src/messenger/egress.ts';

const resolvingTo = (...addresses: string[]): typeof lookup =>
  ((_host: string, _options: object, done: (error: null, found: { address: string; family: number }[]) => void) =>
    done(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as unknown as typeof lookup;

test.each([
  'http://127.0.0.1/x',
  'http://2130706433/',
  'http://0x7f.1/',
  'http://10.1.2.3/',
  'http://169.254.169.254/latest/meta-data',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[fd00::1]/',
  'http://0.0.0.0/',
])('%s is refused', (url) => {
  const egress = createEgress([]);
  expect(() => egress.check(url)).toThrow(/address_not_allowed/);
  expect(egress.isPublic(url)).toBe(false);
  egress.close();
});

test('what EGRESS_ALLOW names may be reached, and is not public for that', () => {
  const egress = createEgress(['127.0.0.0/8', 'fd00::/8']);
  expect(() => egress.check('http://127.0.0.1/')).not.toThrow();
  expect(() => egress.check('http://[fd00::1]/')).not.toThrow();
  expect(() => egress.check('http://10.0.0.1/')).toThrow();
  expect(egress.isPublic('http://127.0.0.1/')).toBe(false);
  expect(egress.isPublic('http://8.8.8.8/')).toBe(true);
  egress.close();
});

test.each([['10.0.0.7'], ['8.8.8.8', '127.0.0.1'], ['::ffff:192.168.0.1']])(
  'a name that resolves to %s is not connected to: what was checked is what is used',
  async (...addresses) => {
    const egress = createEgress([], resolvingTo(...addresses));
    const request = axios.get('http://rebound.example.com/', { httpAgent: egress.httpAgent, proxy: false });
    await expect(request).rejects.toMatchObject({ code: 'address_not_allowed' });
    egress.close();
  },
);

test('names of local networks are not public', () => {
  const egress = createEgress([]);
  for (const host of ['localhost', 'files.local', 'db.internal', 'intranet']) {
    expect(egress.isPublic(`http://${host}/a.png`)).toBe(false);
  }
  expect(egress.isPublic('https://files.example.com/a.png')).toBe(true);
  egress.close();
});
