/**
 * Source puts all of imconnector under `imopenlines`, the documentation partly under `imconnector`; either opens the
 * methods here (contract imconnector §1.4).
 */
export const CONNECTOR_SCOPES = ['imopenlines', 'imconnector'];

/** Scopes the portal knows at all. */
export const ALL_SCOPES = [
  'contact_center',
  'crm',
  'disk',
  'im',
  'imbot',
  'imconnector',
  'imopenlines',
  'placement',
  'user',
  'user_basic',
  'user_brief',
];
