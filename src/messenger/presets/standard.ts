import { parseWebhookBody } from '../payload.ts';
import { createSecret, verifySignature } from '../signature.ts';
import type { Preset } from './preset.ts';

/** The gateway's own events, signed by Standard Webhooks. */
export const standard: Preset = {
  createSecret,
  secret: /^whsec_[A-Za-z0-9+/_-]{32,88}={0,2}$/,
  verify({ header, body, secrets, now }) {
    verifySignature({
      id: header('webhook-id'),
      timestamp: header('webhook-timestamp'),
      signatures: header('webhook-signature'),
      ...{ body, secrets, now },
    });
  },
  translate: ({ header, body }) => parseWebhookBody(body, header('webhook-id')),
};
