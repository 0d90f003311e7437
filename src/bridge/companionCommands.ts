/** Commands people give the bot in a companion, by mentioning it. Pure. */

export type Command =
  | { kind: 'rename'; name: string }
  | { kind: 'unlock' | 'status' | 'resync' | 'help' }
  /** Mentioned, but nothing we know was asked for. */
  | { kind: 'unknown' };

const MENTION = /\[USER=(\d+)[^\]]*\].*?\[\/USER\]/gis;
const PLAIN_WORDS = ['unlock', 'status', 'resync', 'help'] as const;

/** Undefined: the bot is not mentioned, so nobody spoke to it. */
export function readCommand(text: string, botId: string): Command | undefined {
  const mentions = [...text.matchAll(MENTION)].map(([, userId]) => userId);
  if (!mentions.includes(botId)) return undefined;
  const said = text
    .replaceAll(MENTION, (mention, userId: string) => (userId === botId ? ' ' : mention))
    .replaceAll(/\s+/g, ' ')
    .replace(/^[\s,:;.!-]+/, '')
    .trim();
  const [, word = '', rest = ''] = /^\/?(\p{L}*)\s*(.*)$/su.exec(said) ?? [];
  const name = rest.trim();
  if (word.toLowerCase() === 'rename' && name !== '') return { kind: 'rename', name };
  const plain = PLAIN_WORDS.find((known) => known === word.toLowerCase());
  if (plain) return { kind: plain };
  return said === '' ? { kind: 'help' } : { kind: 'unknown' };
}

export const HELP = [
  'Mention me with one of these:',
  'rename <name> – names the conversation, and keeps the name whatever the messenger says',
  'unlock – lets the messenger name it again',
  'status – how the conversation is doing',
  'resync – compares everything with the portal, and repairs it',
  'help – this text',
].join('\n');
