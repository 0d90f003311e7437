import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PORTAL_CODES } from '../../../src/bitrix24/portalCodes.ts';
import { classify, classifyNetwork, MAY_RUN_MS, type HttpAnswer } from '../../../src/bitrix24/verdict.ts';
import type { DeliveryError } from '../../../src/kit/errors.ts';

const SENT_AT = 1_000_000;
const NOW = 1_005_000;
const context = (repeatable: boolean) => ({ method: 'some.method', repeatable, sentAt: SENT_AT, now: NOW });

const error = (status: number, code: string, text = 'text'): HttpAnswer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: { error: code, error_description: text },
});

const verdicts = (answer: HttpAnswer): [string | undefined, string | undefined] => [
  classify(answer, context(true))?.verdict,
  classify(answer, context(false))?.verdict,
];

describe('a code decides, whatever the status', () => {
  // Every row of contract platform §3.4 that has a code: [status, code, verdict when repeatable, when not]
  test.each([
    [503, 'QUERY_LIMIT_EXCEEDED', 'retry', 'retry'],
    [429, 'QUERY_LIMIT_EXCEEDED', 'retry', 'retry'],
    [429, 'OPERATION_TIME_LIMIT', 'retry', 'retry'],
    [200, 'OPERATION_TIME_LIMIT', 'retry', 'retry'],
    [503, 'OVERLOAD_LIMIT', 'blocked', 'blocked'],
    [401, 'OVERLOAD_LIMIT', 'blocked', 'blocked'],
    [401, 'expired_token', 'retry', 'retry'],
    [401, 'invalid_token', 'blocked', 'blocked'],
    [401, 'NO_AUTH_FOUND', 'blocked', 'blocked'],
    [401, 'CONNECTION_ERROR', 'retry', 'retry'],
    [401, 'APPLICATION_NOT_FOUND', 'blocked', 'blocked'],
    [401, 'authorization_error', 'blocked', 'blocked'],
    [401, 'METHOD_CONFIRM_WAITING', 'refused', 'refused'],
    [403, 'METHOD_CONFIRM_DENIED', 'refused', 'refused'],
    [403, 'insufficient_scope', 'blocked', 'blocked'],
    [401, 'insufficient_scope', 'blocked', 'blocked'],
    [403, 'user_access_error', 'blocked', 'blocked'],
    [403, 'INVALID_CREDENTIALS', 'blocked', 'blocked'],
    [403, 'WRONG_AUTH_TYPE', 'refused', 'refused'],
    [404, 'ERROR_METHOD_NOT_FOUND', 'refused', 'refused'],
    [405, 'ERROR_BATCH_METHOD_NOT_ALLOWED', 'refused', 'refused'],
    [400, 'ERROR_BATCH_LENGTH_EXCEEDED', 'refused', 'refused'],
    [400, 'ERROR_ARGUMENT', 'refused', 'refused'],
    [400, 'ERROR_CORE', 'refused', 'refused'],
    [400, 'NOT_ACTIVE_LINE', 'blocked', 'blocked'],
    [400, 'IMCONNECTOR_NO_CORRECT_PROVIDER', 'blocked', 'blocked'],
    [400, 'IMCONNECTOR_NOT_SPECIFIED_CORRECT_CONNECTOR', 'blocked', 'blocked'],
    [400, 'CHAT_RENAMING_FAILED', 'refused', 'refused'],
    [400, '22002', 'refused', 'refused'],
    [400, 'INVALID_REQUEST', 'refused', 'refused'],
    [404, 'ERROR_MANIFEST_IS_NOT_AVAILABLE', 'refused', 'refused'],
    [402, 'PAYMENT_REQUIRED', 'blocked', 'blocked'],
    [500, 'PORTAL_DELETED', 'blocked', 'blocked'],
    [403, 'PORTAL_DELETED', 'blocked', 'blocked'],
    [500, 'INTERNAL_SERVER_ERROR', 'retry', 'unsure'],
    [500, 'ERROR_UNEXPECTED_ANSWER', 'retry', 'unsure'],
    [500, 'INTERNAL_WRONG_TRANSPORT', 'refused', 'refused'],
    [500, 'INTERNAL_WRONG_HANDLER_CLASS', 'refused', 'refused'],
    [200, 'ICON_REQUIRED', 'refused', 'refused'],
    [200, 'WRONG_ENCODING', 'retry', 'unsure'],
    // A failed SQL statement is the portal's fault, not its decision.
    [500, 'ERROR_CORE', 'retry', 'unsure'],
    [500, 'SOMETHING_OF_A_MODULE', 'retry', 'unsure'],
  ])('%i %s', (status, code, repeatable, once) => {
    expect(verdicts(error(status, code))).toEqual([repeatable, once]);
    expect(classify(error(status, code), context(false))).toMatchObject({ code, status, mayRunUntil: undefined });
  });

  test('only an inactive connector blocks no more than its line', () => {
    expect(classify(error(400, 'NOT_ACTIVE_LINE'), context(false))?.scope).toBe('line');
    expect(classify(error(400, 'IMCONNECTOR_NO_CORRECT_PROVIDER'), context(false))?.scope).toBe('line');
    expect(classify(error(401, 'APPLICATION_NOT_FOUND'), context(false))?.scope).toBe('portal');
  });

  test('ACCESS_DENIED blocks the portal when its plan has no REST, else only this call', () => {
    const plan = error(403, 'ACCESS_DENIED', 'REST is available only on commercial plans');
    expect(verdicts(plan)).toEqual(['blocked', 'blocked']);
    expect(verdicts(error(403, 'ACCESS_DENIED', 'Access denied!'))).toEqual(['refused', 'refused']);
    expect(verdicts(error(400, 'ACCESS_DENIED', 'ACCESS_DENIED'))).toEqual(['refused', 'refused']);
  });
});

describe('patience', () => {
  test('a full bucket holds up everybody, used-up operating time only its method', () => {
    const of = (answer: HttpAnswer) => classify(answer, context(false));
    expect(of(error(503, 'QUERY_LIMIT_EXCEEDED'))).toMatchObject({ throttled: true, limited: false });
    expect(of(error(429, 'OPERATION_TIME_LIMIT'))).toMatchObject({ throttled: false, limited: true });
    expect(of(error(401, 'CONNECTION_ERROR'))).toMatchObject({ throttled: false, limited: false });
  });

  test('every code of the table has its row here', () => {
    const text = readFileSync(fileURLToPath(import.meta.url), 'utf8');
    expect(Object.keys(PORTAL_CODES).filter((code) => !text.includes(`'${code}'`))).toEqual([]);
  });

  const patience = (answer: HttpAnswer) => classify(answer, context(true))?.retryAfterMs;

  test('one second for the request bucket, a minute for operating time without a named moment', () => {
    expect(patience(error(503, 'QUERY_LIMIT_EXCEEDED'))).toBe(1_000);
    expect(patience(error(429, 'OPERATION_TIME_LIMIT'))).toBe(60_000);
    expect(patience(error(401, 'CONNECTION_ERROR'))).toBeUndefined();
  });

  test('until the named moment for operating time, never less than a second', () => {
    const at = (seconds: number): HttpAnswer => ({
      status: 429,
      body: { error: 'OPERATION_TIME_LIMIT', time: { operating_reset_at: seconds } },
    });
    expect(patience(at(NOW / 1_000 + 30))).toBe(30_000);
    expect(patience(at(NOW / 1_000 - 30))).toBe(1_000);
  });
});

describe('without a code the status decides', () => {
  const html = (status: number): HttpAnswer => ({ status, contentType: 'text/html', body: '<html>busy</html>' });

  // [answer, our code, verdict when repeatable, when not, whether the portal may still be working]
  test.each<[HttpAnswer, string, string, string, boolean]>([
    [html(502), 'http_502', 'retry', 'unsure', true],
    [html(503), 'http_503', 'retry', 'unsure', true],
    [html(504), 'http_504', 'retry', 'unsure', true],
    [html(520), 'http_520', 'retry', 'unsure', true],
    [html(524), 'http_524', 'retry', 'unsure', true],
    [html(500), 'http_500', 'retry', 'unsure', false],
    [html(200), 'html_answer', 'retry', 'unsure', false],
    [html(404), 'http_404', 'retry', 'unsure', false],
    [{ status: 200, body: '' }, 'empty_answer', 'retry', 'unsure', false],
    [{ status: 200, body: 'ok' }, 'unknown_answer', 'retry', 'unsure', false],
    [{ status: 200, body: [] }, 'unknown_answer', 'retry', 'unsure', false],
    [{ status: 200, body: null }, 'unknown_answer', 'retry', 'unsure', false],
    [{ status: 200, body: { time: {} } }, 'unknown_answer', 'retry', 'unsure', false],
    [{ status: 403, body: { message: 'no' } }, 'http_403', 'refused', 'refused', false],
    [html(413), 'http_413', 'refused', 'refused', false],
    [html(429), 'http_429', 'retry', 'retry', false],
    [{ status: 302, body: '' }, 'http_302', 'retry', 'retry', false],
  ])('%j', (answer, code, repeatable, once, mayStillRun) => {
    expect(verdicts(answer)).toEqual([repeatable, once]);
    const failure = classify(answer, context(false));
    expect(failure?.code).toBe(code);
    expect(failure?.mayRunUntil).toBe(mayStillRun ? SENT_AT + MAY_RUN_MS : undefined);
    expect(classify(answer, context(true))?.mayRunUntil).toBeUndefined();
  });
});

describe('shapes of an answer', () => {
  test.each<[string, unknown]>([
    ['a map', { result: {}, time: {} }],
    ['false', { result: false }],
    ['null', { result: null }],
    ['an empty error beside a result', { result: true, error: '' }],
    ['no error named', { result: true, error: null }],
  ])('success: %s', (_name, body) => {
    expect(classify({ status: 200, body }, context(false))).toBeUndefined();
  });

  test('a failure at the top level of a 200 (register, contract imconnector §3.1)', () => {
    const body = { result: false, error: 'ICON_REQUIRED', error_description: 'Icon' };
    expect(classify({ status: 200, body }, context(true))).toMatchObject({ verdict: 'refused', code: 'ICON_REQUIRED' });
  });

  test('the error shape of REST 3.0', () => {
    const body = { error: { code: 'ERROR_ARGUMENT', message: 'no' } };
    expect(classify({ status: 400, body }, context(true))).toMatchObject({
      verdict: 'refused',
      code: 'ERROR_ARGUMENT',
    });
  });

  test('codes that are numbers or nothing', () => {
    expect(classify({ status: 400, body: { error: 0, error_description: 'x' } }, context(true))?.code).toBe('0');
    expect(classify({ status: 400, body: { error: '', error_description: 'x' } }, context(true))?.code).toBe(
      'http_400',
    );
  });
});

describe('no answer', () => {
  const nodeError = (code: string, more: object = {}, message = code): Error =>
    Object.assign(new Error(message), { code, ...more });
  const wrapped = (cause: Error): Error => Object.assign(new Error(cause.message, { cause }), { code: 'ERR_NETWORK' });
  const outcome = (cause: unknown, repeatable: boolean): DeliveryError => classifyNetwork(cause, context(repeatable));

  test.each([
    nodeError('ECONNREFUSED'),
    nodeError('ENOTFOUND'),
    nodeError('EAI_AGAIN'),
    nodeError('CERT_HAS_EXPIRED'),
    nodeError('DEPTH_ZERO_SELF_SIGNED_CERT'),
    nodeError('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
    nodeError('ERR_TLS_CERT_ALTNAME_INVALID'),
    nodeError('ERR_SSL_WRONG_VERSION_NUMBER'),
    nodeError('EPROTO'),
    nodeError('ECONNECTTIMEOUT'),
    nodeError('EPRIVATEADDRESS'),
    nodeError('ETIMEDOUT', { syscall: 'connect' }),
    wrapped(nodeError('ETIMEDOUT', { syscall: 'connect' })),
    wrapped(new AggregateError([nodeError('ETIMEDOUT', { syscall: 'connect' })])),
    nodeError('ECONNRESET', {}, 'Client network socket disconnected before secure TLS connection was established'),
  ])('nothing was sent: %s', (cause) => {
    expect(outcome(cause, false)).toMatchObject({ verdict: 'retry', code: 'unreachable', mayRunUntil: undefined });
  });

  test.each([
    [nodeError('ECONNRESET', { syscall: 'read' }), 'network'],
    [nodeError('EPIPE'), 'network'],
    [nodeError('ETIMEDOUT'), 'timeout'],
    [nodeError('ECONNABORTED'), 'timeout'],
    [new Error('something else'), 'network'],
    ['not even an error', 'network'],
  ])('it may have been sent: %s', (cause, code) => {
    expect(outcome(cause, true)).toMatchObject({ verdict: 'retry', code });
    expect(outcome(cause, false)).toMatchObject({ verdict: 'unsure', code, mayRunUntil: SENT_AT + MAY_RUN_MS });
  });

  test('what the HTTP library knows of the request goes no further', () => {
    const cause = nodeError('ECONNRESET', { config: { data: '{"auth":"secret-token"}' } });
    expect(
      JSON.stringify(outcome(cause, true).cause, Object.getOwnPropertyNames(outcome(cause, true).cause)),
    ).not.toContain('secret-token');
  });
});
