import type { Portal } from './hit.ts';

export interface UserRow {
  readonly id: number;
  readonly kind: 'employee' | 'extranet' | 'connector' | 'bot';
  readonly name: string;
  readonly lastName: string;
  readonly active: boolean;
  readonly admin: boolean;
  readonly email?: string;
  readonly phone?: string;
  readonly workPosition?: string;
  readonly gender?: string;
  readonly url?: string;
  readonly avatarUrl?: string;
}

/** Everybody with an id: employees, clients of Open Channels, bots. */
export function users(portal: Portal) {
  return portal.table<UserRow>('users');
}

export function fullName(user: Pick<UserRow, 'name' | 'lastName'>): string {
  return `${user.name} ${user.lastName}`.trim();
}

const SEED: readonly UserRow[] = [
  employee(1, 'Anna', 'Weber', { admin: true, workPosition: 'Director' }),
  employee(7, 'Boris', 'Novak', { workPosition: 'Team lead' }),
  employee(27, 'Clara', 'Lindt', { workPosition: 'Support' }),
  employee(29, 'Daniel', 'Ortiz', { workPosition: 'Support' }),
  employee(31, 'Eva', 'Former', { active: false }),
  employee(44, 'Felix', 'Partner', { kind: 'extranet' }),
];

/** A small staff: 1 administers, 31 was dismissed, 44 is a guest of the extranet. */
export function seedUsers(portal: Portal): void {
  for (const user of SEED) users(portal).put(user.id, user);
}

export function employee(id: number, name: string, lastName: string, more: Partial<UserRow> = {}): UserRow {
  const email = `${name}.${lastName}@example.com`.toLowerCase();
  return { id, kind: 'employee', name, lastName, active: true, admin: false, email, ...more };
}
