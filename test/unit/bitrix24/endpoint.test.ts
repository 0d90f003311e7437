import { isPrivateAddress, movedBase, plainHost, restBase } from '../../../src/bitrix24/endpoint.ts';

const strict = { allowInsecure: false };
const open = { allowInsecure: true };

test.each([
  ['https://acme.bitrix24.com/rest/', 'https://acme.bitrix24.com/rest/'],
  ['https://acme.bitrix24.com/rest', 'https://acme.bitrix24.com/rest/'],
  ['https://crm.example:8443/portal/rest/?x=1#y', 'https://crm.example:8443/portal/rest/'],
])('%s may be called', (endpoint, base) => {
  expect(restBase(endpoint, strict)).toBe(base);
});

test.each([
  'http://acme.bitrix24.com/rest/',
  'https://127.0.0.1/rest/',
  'https://2130706433/rest/',
  'https://[::1]/rest/',
  'https://[::ffff:10.0.0.1]/rest/',
  'https://169.254.169.254/rest/',
  'https://intranet/rest/',
  'https://db.internal/rest/',
  'https://a@acme.bitrix24.com/rest/',
])('%s may be called only where that is allowed', (endpoint) => {
  expect(restBase(endpoint, strict)).toBeUndefined();
  const withUser = endpoint.includes('@');
  expect(restBase(endpoint, open) === undefined).toBe(withUser);
});

test.each(['ftp://acme.example/rest/', 'https://acme.example/', 'https://acme.example/login', 'acme', ''])(
  '%s is no REST base',
  (endpoint) => {
    expect(restBase(endpoint, open)).toBeUndefined();
  },
);

test('private addresses of both families', () => {
  const all = [
    '10.1.2.3',
    '127.0.0.1',
    '172.31.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '0.0.0.0',
    '::1',
    '::',
    'fd00::1',
    'fe80::1',
  ];
  expect(all.filter((address) => !isPrivateAddress(address))).toEqual([]);
  expect(['8.8.8.8', '172.32.0.1', '2606:4700::1111'].filter(isPrivateAddress)).toEqual([]);
});

test('hosts are compared without the ports browsers leave out', () => {
  expect(plainHost('ACME.example:443')).toBe('acme.example');
  expect(plainHost('acme.example:8443')).toBe('acme.example:8443');
});

describe('a moved portal', () => {
  const from = 'https://old.example/rest/im.dialog.get';
  test.each([
    ['https://new.example/rest/im.dialog.get', 'https://new.example/rest/'],
    ['https://new.example/rest//im.dialog.get.json?auth=x', 'https://new.example/rest/'],
    ['https://new.example/rest/Im.Dialog.Get/', 'https://new.example/rest/'],
    ['/portal/rest/im.dialog.get', 'https://old.example/portal/rest/'],
  ])('to %s', (location, base) => {
    expect(movedBase(location, from, 'im.dialog.get', strict)).toBe(base);
  });

  test.each([
    '',
    'https://new.example/',
    'https://new.example/login/?back=/rest/im.dialog.get',
    'https://new.example/rest/other.method',
    'http://new.example/rest/im.dialog.get',
    'https://10.0.0.1/rest/im.dialog.get',
    'http://[broken',
  ])('not to %j', (location) => {
    expect(movedBase(location, from, 'im.dialog.get', strict)).toBeUndefined();
  });
});
