import type { Profile } from '../portalRow.ts';
import { eventMethods } from './events.ts';
import { imbotMethods } from './imbot/methods.ts';
import { imconnectorMethods } from './imconnector/methods.ts';
import { imopenlinesMethods } from './imopenlines/methods.ts';
import type { Method } from './method.ts';
import { placementMethods } from './placements.ts';
import { systemMethods } from './system.ts';
import { userMethods } from './users.ts';

const FAMILIES: readonly (readonly Method[])[] = [
  systemMethods,
  userMethods,
  eventMethods,
  placementMethods,
  imconnectorMethods,
  imopenlinesMethods,
  imbotMethods,
];

/** Looks a method up by its lower-case name, as a portal of this profile would find it. */
export function createMethodFinder(profile: Profile): (name: string) => Method | undefined {
  const exact = new Map<string, Method>();
  const openEnded: { prefix: string; method: Method }[] = [];
  const all = FAMILIES.flat().filter((method) => method.profiles?.includes(profile) ?? true);
  for (const method of all) {
    const name = method.name.toLowerCase();
    if (name.endsWith('.*')) openEnded.push({ prefix: name.slice(0, -1), method });
    else exact.set(name, method);
  }
  exact.set('method.get', {
    name: 'method.get',
    run: ({ params }) => {
      const found = exact.has(String(params.name ?? params.NAME).toLowerCase());
      return { isExisting: found, isAvailable: found };
    },
  });
  return (name) => exact.get(name) ?? openEnded.find(({ prefix }) => name.startsWith(prefix))?.method;
}
