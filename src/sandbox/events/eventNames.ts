const CONNECTOR = ['imopenlines', 'imconnector'];
const BOT = ['imbot'];

/** Events an application can bind, and the scopes of which it needs one. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  ONAPPINSTALL: [],
  ONAPPUPDATE: [],
  ONAPPUNINSTALL: [],
  ONAPPPAYMENT: [],
  ONAPPMETHODCONFIRM: [],
  ONAPPTEST: [],
  ONIMCONNECTORMESSAGEADD: CONNECTOR,
  ONIMCONNECTORMESSAGEUPDATE: CONNECTOR,
  ONIMCONNECTORMESSAGEDELETE: CONNECTOR,
  ONIMCONNECTORDIALOGSTART: CONNECTOR,
  ONIMCONNECTORDIALOGFINISH: CONNECTOR,
  ONIMCONNECTORSTATUSDELETE: CONNECTOR,
  ONIMCONNECTORLINEDELETE: CONNECTOR,
  ONIMBOTMESSAGEADD: BOT,
  ONIMBOTMESSAGEUPDATE: BOT,
  ONIMBOTMESSAGEDELETE: BOT,
  ONIMBOTJOINCHAT: BOT,
  ONIMBOTDELETE: BOT,
  ONIMBOTV2MESSAGEADD: BOT,
  ONIMBOTV2MESSAGEUPDATE: BOT,
  ONIMBOTV2MESSAGEDELETE: BOT,
  ONIMBOTV2JOINCHAT: BOT,
  ONIMBOTV2DELETE: BOT,
  ONIMBOTV2COMMANDADD: BOT,
  ONIMBOTV2REACTIONCHANGE: BOT,
};

/**
 * Events the scopes allow. Source puts the connector events under `imopenlines`, the documentation under `imconnector`;
 * a portal that takes either works with an application that asks for both, as it should (contract imconnector §1.4).
 */
export function knownEvents(scopes: readonly string[]): string[] {
  return Object.keys(SCOPES).filter((event) => {
    const needed = SCOPES[event] ?? [];
    return needed.length === 0 || needed.some((scope) => scopes.includes(scope));
  });
}
