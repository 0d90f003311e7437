import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { RequestError } from '../../../src/kit/errors.ts';
import { createSecret, sign, type SignedRequest, verifySignature } from '../../../src/messenger/signature.ts';

const NOW = 1_795_168_800_000;
const SECONDS = NOW / 1000;
const secret = createSecret();
const body = Buffer.from('{"type":"conversation.renamed","name":"Анна 👩‍🚀"}');

const signed = (change: Partial<SignedRequest> = {}): SignedRequest => ({
  id: 'msg_1',
  timestamp: String(SECONDS),
  signatures: sign({ id: 'msg_1', timestamp: SECONDS, body, secret }),
  body,
  secrets: [secret],
  now: NOW,
  ...change,
});

function codeOf(request: SignedRequest): string {
  try {
    verifySignature(request);
    return 'accepted';
  } catch (error) {
    if (error instanceof RequestError) return error.code;
    throw error;
  }
}

describe('the signature of the reference implementation', () => {
  it('is accepted', () => {
    const theirs = new Webhook(secret).sign('msg_1', new Date(NOW), body);
    expect(codeOf(signed({ signatures: theirs }))).toBe('accepted');
  });

  it('equals ours, for any id, time, text and secret', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.integer({ min: 0, max: 4_000_000_000 }),
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array({ minLength: 1, maxLength: 64 }),
        (id, timestamp, text, key) => {
          const random = `whsec_${Buffer.from(key).toString('base64')}`;
          const theirs = new Webhook(random).sign(id, new Date(timestamp * 1000), text);
          expect(sign({ id, timestamp, body: text, secret: random })).toBe(theirs);
        },
      ),
    );
  });

  it('verifies ours', () => {
    const timestamp = Math.floor(Date.now() / 1000);
    const headers = {
      'webhook-id': 'msg_2',
      'webhook-timestamp': String(timestamp),
      'webhook-signature': sign({ id: 'msg_2', timestamp, body, secret }),
    };
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body.toString()));
  });
});

describe('a signature', () => {
  it.each([
    ['another body', { body: Buffer.from('{}') }],
    ['another id', { id: 'msg_2' }],
    ['another time inside the window', { timestamp: String(SECONDS + 1) }],
    ['another secret', { secrets: [createSecret()] }],
    ['no secret at all', { secrets: [] }],
    ['no id', { id: '' }],
    ['no signature', { signatures: '' }],
    ['a version that is not known', { signatures: signed().signatures.replace('v1', 'v2') }],
    ['no version', { signatures: signed().signatures.slice(3) }],
    ['a shortened signature', { signatures: signed().signatures.slice(0, -4) }],
    ['a comma at its end', { signatures: `${signed().signatures},` }],
    ['an empty value', { signatures: 'v1,' }],
    ['characters outside ASCII', { signatures: `v1,${'é'.repeat(44)}` }],
    ['a time that is no number', { timestamp: 'NaN' }],
    ['a time that is almost a number', { timestamp: `${SECONDS}.0` }],
    ['an empty time', { timestamp: '' }],
    ['a negative time', { timestamp: '-1' }],
  ])('with %s is invalid', (_what, change) => {
    expect(codeOf(signed(change))).toBe('invalid_signature');
  });

  it('is accepted among others and among versions that are not known', () => {
    const others = `v1a,abc v1,${'A'.repeat(43)}= ${signed().signatures} v9,zzz`;
    expect(codeOf(signed({ signatures: others }))).toBe('accepted');
  });

  it('of the old secret and of the new one are both accepted while a secret is rotated', () => {
    const next = createSecret();
    const byNext = sign({ id: 'msg_1', timestamp: SECONDS, body, secret: next });
    expect(codeOf(signed({ secrets: [next, secret] }))).toBe('accepted');
    expect(codeOf(signed({ secrets: [next, secret], signatures: byNext }))).toBe('accepted');
    expect(codeOf(signed({ secrets: [next] }))).toBe('invalid_signature');
  });

  it.each([
    [-301_000, 'signature_expired'],
    [-300_000, 'accepted'],
    [300_000, 'accepted'],
    [301_000, 'signature_expired'],
  ])('seen %d ms after it was made: %s', (laterMs, outcome) => {
    expect(codeOf(signed({ now: NOW + laterMs }))).toBe(outcome);
  });

  it('covers the raw bytes, valid UTF-8 or not', () => {
    const bytes = Buffer.from([0xff, 0x00, 0xfe]);
    const signatures = sign({ id: 'msg_1', timestamp: SECONDS, body: bytes, secret });
    expect(codeOf(signed({ body: bytes, signatures }))).toBe('accepted');
    expect(codeOf(signed({ body: Buffer.from(bytes.toString()), signatures }))).toBe('invalid_signature');
  });

  it('of random text never fits', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (id, timestamp, signatures) => {
        expect(['invalid_signature', 'signature_expired']).toContain(codeOf(signed({ id, timestamp, signatures })));
      }),
    );
  });
});

describe('a secret', () => {
  it('is made of whsec_ and 24 to 64 bytes, and never twice', () => {
    const made = Array.from({ length: 20 }, createSecret);
    expect(new Set(made).size).toBe(20);
    for (const one of made) {
      expect(one).toMatch(/^whsec_[A-Za-z0-9+/]+=*$/);
      expect(Buffer.from(one.slice(6), 'base64').length).toBeGreaterThanOrEqual(24);
    }
  });

  it.each(['', 'whsec_', 'whsec_***'])('that is damaged (%j) is a fault of ours, not of the sender', (damaged) => {
    expect(() => verifySignature(signed({ secrets: [damaged] }))).toThrow('a signing secret must be');
  });
});
