import { sign } from './messenger/signature.ts';
import type { Demo } from './sandboxMode.ts';

/** What a person reads when the gateway has started: addresses, and what to do next. Not part of the log. */

export interface NoticeFacts {
  publicUrl: string;
  /** Shown once. */
  newAdminKey: string | undefined;
  demo: Demo | undefined;
}

export function startNotice({ publicUrl, newAdminKey, demo }: NoticeFacts, now: number): string {
  const sections = [
    [
      'Open Channel Gateway is ready',
      `  console          ${publicUrl}/console`,
      `  administration   ${publicUrl}/admin/v1`,
      `  API document     ${publicUrl}/docs`,
      ...(demo ? [`  sandbox portal   ${demo.portalUrl}`] : []),
    ],
    ...(newAdminKey ? [['The administration key, shown this once (keep it):', `  ${newAdminKey}`]] : []),
    demo ? tryIt(demo, now) : connectPortal(publicUrl),
  ];
  return `\n${sections.map((lines) => lines.join('\n')).join('\n\n')}\n\n`;
}

function connectPortal(publicUrl: string): string[] {
  return [
    'Next: enter these addresses in the application on your Bitrix24 portal, and install it there:',
    `  handler and installation page  ${publicUrl}/bitrix24/app`,
    `  events                         ${publicUrl}/bitrix24/events`,
  ];
}

/** The command is signed now and good for five minutes: the window of the signature. */
function tryIt(demo: Demo, now: number): string[] {
  return [
    'Try it: a first message in a conversation of the messenger "demo" (signed for the next five minutes)',
    '',
    firstWebhook(demo, now),
    '',
    'Then look what the portal shows: the dialog under its name, and the companion chat beside it',
    `  curl -s ${demo.controlUrl}/state`,
    'A whole story, from creating to renaming to handing over:  npm run demo',
  ];
}

export function firstWebhook(demo: Pick<Demo, 'webhookUrl' | 'webhookSecret'>, now: number): string {
  const timestamp = Math.floor(now / 1000);
  const id = `msg_${timestamp}`;
  const body = JSON.stringify({
    type: 'message.created',
    timestamp: new Date(now).toISOString(),
    data: {
      conversation: { id: 'c-1', name: 'Order 1042, Anna', kind: 'group' },
      sender: { id: 'u-7', name: 'Anna', lastName: 'Berg' },
      message: { id: `m-${timestamp}`, text: 'Good morning, where is my order?' },
    },
  });
  const signature = sign({ id, timestamp, body, secret: demo.webhookSecret });
  return [
    `curl -X POST ${demo.webhookUrl} -H 'content-type: application/json'`,
    `-H 'webhook-id: ${id}' -H 'webhook-timestamp: ${timestamp}' -H 'webhook-signature: ${signature}'`,
    `-d '${body}'`,
  ].join(' \\\n  ');
}
