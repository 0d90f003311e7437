/** Key of an Open Channel chat (contract imconnector §2). */
export interface UserCode {
  readonly connector: string;
  /** As it was sent: "0105" is not 105. */
  readonly line: string;
  readonly chatId: string;
  /** Portal user of a client; 0 for a group connector. */
  readonly userId: number;
}

export function formatUserCode({ connector, line, chatId, userId }: UserCode): string {
  return [connector, line, chatId, userId].join('|');
}

/** Four parts are read, so a `|` in an external id breaks the key (contract imconnector §2). */
export function parseUserCode(text: string): UserCode {
  const [connector = '', line = '', chatId = '', userId = ''] = text.split('|');
  return { connector, line, chatId, userId: Number.parseInt(userId, 10) || 0 };
}
