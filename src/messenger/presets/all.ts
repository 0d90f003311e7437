import type { Preset } from './preset.ts';
import { slack } from './slack.ts';
import { standard } from './standard.ts';
import { telegram } from './telegram.ts';

/** A new one is a file beside this one, and its name here. */
export const PRESETS = { standard, telegram, slack } satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];

/** Of a messenger that was stored. One that this version does not know must not be believed by another's rules. */
export function presetOf(name: string): Preset | undefined {
  return Object.hasOwn(PRESETS, name) ? PRESETS[name as PresetName] : undefined;
}
