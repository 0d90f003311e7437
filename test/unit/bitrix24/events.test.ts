import { readDialogs, readMessageChanges, readOperatorMessages } from '../../../src/bitrix24/connectorEvents.ts';
import {
  eventKey,
  parseForm,
  readAppUninstall,
  readAppUpdate,
  readEvent,
  readLineDelete,
  readStatusDelete,
  type PortalEvent,
} from '../../../src/bitrix24/events.ts';
import type { RequestError } from '../../../src/kit/errors.ts';

const problem = (code: string): RequestError => expect.objectContaining({ code }) as RequestError;

const AUTH = 'auth[domain]=acme.bitrix24.com&auth[member_id]=m1&auth[application_token]=tok';
const read = (event: string, data: string, more = 'ts=1773759161'): PortalEvent =>
  readEvent(parseForm(`event=${event}&event_handler_id=555&${data}&${more}&${AUTH}`));

const message = (index: number, fields: string): string =>
  fields
    .split('&')
    .map((field) => `data[MESSAGES][${index}]${field}`)
    .join('&');
const LINE = 'data[CONNECTOR]=Acme_Chat&data[LINE]=107';

describe('the envelope', () => {
  test('is read whole', () => {
    const event = read('OnImConnectorMessageAdd', LINE, 'ts=5&auth[client_endpoint]=https://acme.bitrix24.com/rest/');
    expect(event).toEqual({
      event: 'ONIMCONNECTORMESSAGEADD',
      memberId: 'm1',
      applicationToken: 'tok',
      domain: 'acme.bitrix24.com',
      clientEndpoint: 'https://acme.bitrix24.com/rest/',
      data: { CONNECTOR: 'Acme_Chat', LINE: '107' },
      ts: '5',
    });
  });

  test.each([
    ['', 'invalid_request'],
    ['event=ONAPPTEST', 'unverified_origin'],
    ['event=ONAPPTEST&auth[member_id]=m1', 'unverified_origin'],
    ['event=ONAPPTEST&auth=x', 'unverified_origin'],
    ['event[a]=1&auth[member_id]=m1&auth[application_token]=t', 'invalid_request'],
    ['event=<script>&auth[member_id]=m1&auth[application_token]=t', 'invalid_request'],
  ])('%s is %s', (raw, code) => {
    expect(() => readEvent(parseForm(raw))).toThrow(problem(code));
  });
});

describe('operator messages', () => {
  test('thirty in one event, with files', () => {
    const fields = (index: number): string =>
      message(
        index,
        `[im][chat_id]=1807&[im][message_id]=${86_000 + index}&[message][user_id]=27&[message][text]=Hi ${index}&[chat][id]=c-1`,
      );
    const file = message(
      0,
      '[message][files][0][name]=a.png&[message][files][0][type]=image&[message][files][0][mime]=image/png' +
        '&[message][files][0][link]=https://p/~Ab&[message][files][0][size]=70855&[message][files][0][width]=646',
    );
    const data = [LINE, ...Array.from({ length: 30 }, (_, index) => fields(index)), file].join('&');
    const { connector, line, items } = readOperatorMessages(read('ONIMCONNECTORMESSAGEADD', data));
    expect([connector, line, items.length]).toEqual(['acme_chat', '107', 30]);
    expect(items[29]).toEqual({
      chatId: '1807',
      messageId: '86029',
      userId: '27',
      text: 'Hi 29',
      files: [],
      externalChatId: 'c-1',
    });
    expect(items[0]?.files).toEqual([
      {
        name: 'a.png',
        type: 'image',
        mime: 'image/png',
        link: 'https://p/~Ab',
        downloadLink: '',
        size: 70855,
        width: 646,
      },
    ]);
  });

  test('an automatic text has user 0; a list with gaps is still read', () => {
    const fields = '[im][chat_id]=1&[im][message_id]=2&[message][text]=Welcome&[chat][id]=c';
    const event = read('ONIMCONNECTORMESSAGEADD', `${LINE}&${message(3, fields)}`);
    expect(readOperatorMessages(event).items).toMatchObject([{ userId: '0', text: 'Welcome' }]);
  });

  test.each([
    ['no message id', message(0, '[im][chat_id]=1&[chat][id]=c')],
    ['no external chat', message(0, '[im][message_id]=1')],
  ])('%s is no message', (_name, fields) => {
    const event = read('ONIMCONNECTORMESSAGEADD', `${LINE}&${fields}`);
    expect(() => readOperatorMessages(event)).toThrow(problem('invalid_request'));
  });

  test('no line is no connector event', () => {
    const event = read('ONIMCONNECTORMESSAGEADD', 'data[CONNECTOR]=a');
    expect(() => readOperatorMessages(event)).toThrow(problem('invalid_request'));
  });
});

test('an edit names its external ids as a list, a deletion as a scalar', () => {
  const ids = '[im][chat_id]=1&[im][message_id]=2&[chat][id]=c';
  const edit = message(0, `${ids}&[message][id][0]=e1&[message][id][1]=e2&[message][text]=new`);
  expect(readMessageChanges(read('ONIMCONNECTORMESSAGEUPDATE', `${LINE}&${edit}`)).items).toEqual([
    { chatId: '1', messageId: '2', externalChatId: 'c', externalIds: ['e1', 'e2'], text: 'new' },
  ]);
  const deletion = message(0, `${ids}&[message][id]=e1`);
  expect(readMessageChanges(read('ONIMCONNECTORMESSAGEDELETE', `${LINE}&${deletion}`)).items).toEqual([
    { chatId: '1', messageId: '2', externalChatId: 'c', externalIds: ['e1'], text: '' },
  ]);
});

test('dialogs come under DATA, with the user of the portal', () => {
  const entry =
    'data[DATA][0][connector][connector_id]=acme_chat&data[DATA][0][connector][line_id]=105' +
    '&data[DATA][0][connector][chat_id]=c-1&data[DATA][0][connector][user_id]=585&data[DATA][0][session][id]=3282' +
    '&data[DATA][0][session][closed]=Y&data[DATA][0][chat][id]=c-1&data[DATA][0][user][id]=585';
  const event = read('ONIMCONNECTORDIALOGFINISH', `data[CONNECTOR]=acme_chat&data[LINE]=105&${entry}`);
  expect(readDialogs(event)).toEqual([
    {
      connector: 'acme_chat',
      line: '105',
      externalChatId: 'c-1',
      bitrixUserId: '585',
      sessionId: '3282',
      closed: true,
    },
  ]);
});

test('a disconnected line has lower-case keys, a deleted line is the data itself', () => {
  const disconnected = read('ONIMCONNECTORSTATUSDELETE', 'data[connector]=ACME_chat&data[line]=107');
  expect(readStatusDelete(disconnected)).toEqual({ connector: 'acme_chat', line: '107' });
  expect(readLineDelete(read('ONIMCONNECTORLINEDELETE', 'data=107'))).toBe('107');
  expect(() => readLineDelete(read('ONIMCONNECTORLINEDELETE', 'data[x]=107'))).toThrow(problem('invalid_request'));
});

test('updates and uninstallations of the application', () => {
  expect(readAppUpdate(read('ONAPPUPDATE', 'data[VERSION]=3&data[PREVIOUS_VERSION]=2'))).toEqual({
    version: '3',
    previousVersion: '2',
  });
  expect(readAppUninstall(read('ONAPPUNINSTALL', 'data[LANGUAGE_ID]=en&data[CLEAN]=1'))).toEqual({ clean: true });
  expect(readAppUninstall(read('ONAPPUNINSTALL', 'data[LANGUAGE_ID]=en'))).toEqual({ clean: false });
});

describe('the key of an event', () => {
  const add = (id: number, text = 'x', ts = '1'): string =>
    eventKey(
      read(
        'ONIMCONNECTORMESSAGEADD',
        `${LINE}&${message(0, `[im][chat_id]=1&[im][message_id]=${id}&[message][text]=${text}&[chat][id]=c`)}`,
        `ts=${ts}`,
      ),
    );

  test('of a message is its ids, never the time of delivery', () => {
    expect(add(1, 'x', '1')).toBe(add(1, 'x', '999'));
    expect(add(1)).not.toBe(add(2));
    expect(add(1).length).toBeLessThan(150);
  });

  test('does not depend on the order of the fields', () => {
    const one = read('ONIMCONNECTORDIALOGSTART', `${LINE}&data[DATA][0][session][id]=1&data[DATA][1][session][id]=2`);
    const other = read('ONIMCONNECTORDIALOGSTART', `data[DATA][1][session][id]=2&data[DATA][0][session][id]=1&${LINE}`);
    expect(eventKey(one)).toBe(eventKey(other));
  });

  test('differs between portals, events and sessions', () => {
    const start = (session: number): PortalEvent =>
      read('ONIMCONNECTORDIALOGSTART', `${LINE}&data[DATA][0][session][id]=${session}`);
    const keys = [
      eventKey(start(1)),
      eventKey(start(2)),
      eventKey({ ...start(1), memberId: 'm2' }),
      eventKey({ ...start(1), event: 'ONIMCONNECTORDIALOGFINISH' }),
      eventKey(read('ONIMCONNECTORLINEDELETE', 'data=1')),
      eventKey(read('ONIMCONNECTORLINEDELETE', 'data=2')),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('of an edit or a disconnection lets the same state come again', () => {
    const edit = (text: string, ts: number): string =>
      eventKey(
        read(
          'ONIMCONNECTORMESSAGEUPDATE',
          `${LINE}&${message(0, `[im][message_id]=1&[message][id][0]=e&[message][text]=${text}&[chat][id]=c`)}`,
          `ts=${ts}`,
        ),
      );
    expect(edit('B', 1)).toBe(edit('B', 1));
    expect(new Set([edit('B', 1), edit('A', 2), edit('B', 3)]).size).toBe(3);
    const gone = (ts: number): string =>
      eventKey(read('ONIMCONNECTORSTATUSDELETE', 'data[connector]=a&data[line]=1', `ts=${ts}`));
    expect(gone(1)).not.toBe(gone(2));
  });
});
