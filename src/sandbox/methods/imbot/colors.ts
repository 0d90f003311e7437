import { toText } from '../../php/values.ts';

const HEX: Readonly<Record<string, string>> = {
  RED: '#df532d',
  GREEN: '#64a513',
  MINT: '#4ba984',
  LIGHT_BLUE: '#4ba5c3',
  DARK_BLUE: '#3e99ce',
  PURPLE: '#8474c8',
  AQUA: '#1eb4aa',
  PINK: '#f76187',
  LIME: '#58cc47',
  BROWN: '#ab7761',
  AZURE: '#29619b',
  KHAKI: '#728f7a',
  SAND: '#ba9c7b',
  MARENGO: '#556574',
  GRAY: '#909090',
  GRAPHITE: '#5e5f5e',
};
const NAMES = Object.keys(HEX);

export function hexOf(color: string): string {
  return HEX[color] ?? '';
}

/** The color a new bot or chat without one gets. */
export function automaticColor(id: number): string {
  return NAMES[id % NAMES.length] ?? 'MINT';
}

/** The portal's name of a color, or nothing. Before revision 33 `lightBlue` was not understood (contract imbot §4.5). */
export function knownColor(value: unknown, revision: number): string | undefined {
  const text = toText(value);
  const name = revision < 33 ? text.toUpperCase() : text.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
  return NAMES.includes(name) ? name : undefined;
}

/** Legacy methods know only the portal's own spelling. */
export function legacyColor(value: unknown): string | undefined {
  const name = toText(value);
  return NAMES.includes(name) ? name : undefined;
}

/** "LIGHT_BLUE" as people read it. */
export function colorTitle(color: string): string {
  return color.charAt(0) + color.slice(1).toLowerCase().replace('_', ' ');
}
