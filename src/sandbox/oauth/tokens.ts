import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Table } from '../store.ts';

/** Whose right a token carries: one application, one portal, one user (contract platform §2.6). */
export interface Grant {
  readonly clientId: string;
  readonly memberId: string;
  readonly userId: number;
}

export interface AccessRow extends Grant {
  readonly token: string;
  readonly expiresAt: number;
  readonly hopsLeft: number;
}

export interface RefreshRow extends Grant {
  readonly token: string;
  readonly expiresAt: number;
  readonly spent: boolean;
}

export interface CodeRow extends Grant {
  readonly code: string;
  readonly expiresAt: number;
}

export interface Shared {
  readonly clock: Clock;
  shared<Row>(name: string): Table<Row>;
}

export const ACCESS_SECONDS = 3600;
const REFRESH_MS = 180 * 24 * 3600 * 1000;
const CODE_MS = 30_000;
const HOPS = 7;
/** Rows outlive their tokens for a day, so that an old token is still known as expired. */
const FORGET_AFTER_MS = 24 * 3600 * 1000;

export const accessTokens = (shared: Shared) => shared.shared<AccessRow>('accessTokens');
export const refreshTokens = (shared: Shared) => shared.shared<RefreshRow>('refreshTokens');
const codes = (shared: Shared) => shared.shared<CodeRow>('codes');

export function issueAccess(shared: Shared, grant: Grant, hopsLeft = HOPS): AccessRow {
  const row = { ...onlyGrant(grant), token: opaque(), expiresAt: shared.clock.now() + ACCESS_SECONDS * 1000, hopsLeft };
  accessTokens(shared).put(row.token, row);
  return row;
}

/** Events of one user share a token while it is fresh, so that a busy portal does not pile them up. */
export function eventAccess(shared: Shared, grant: Grant, hopsLeft: number): AccessRow {
  const name = [grant.memberId, grant.clientId, grant.userId, hopsLeft].join('/');
  const current = shared.shared<{ token: string }>('eventTokens');
  const row = accessTokens(shared).get(current.get(name)?.token ?? '');
  if (row && row.expiresAt - shared.clock.now() > (ACCESS_SECONDS * 1000) / 2) return row;
  const fresh = issueAccess(shared, grant, hopsLeft);
  current.put(name, { token: fresh.token });
  return fresh;
}

export function issueRefresh(shared: Shared, grant: Grant): RefreshRow {
  const row = { ...onlyGrant(grant), token: opaque(), expiresAt: shared.clock.now() + REFRESH_MS, spent: false };
  refreshTokens(shared).put(row.token, row);
  return row;
}

export function issueCode(shared: Shared, grant: Grant): string {
  const row = { ...onlyGrant(grant), code: opaque(), expiresAt: shared.clock.now() + CODE_MS };
  codes(shared).put(row.code, row);
  return row.code;
}

/** The grant of a code, once. */
export function spendCode(shared: Shared, code: string): Grant | undefined {
  const row = codes(shared).get(code);
  codes(shared).delete(code);
  return row && row.expiresAt > shared.clock.now() ? row : undefined;
}

/** The grant of a refresh token. Strict rotation lets each token work once (contract platform §2.5). */
export function spendRefresh(shared: Shared, token: string, strict: boolean): Grant | undefined {
  const row = refreshTokens(shared).get(token);
  if (!row || row.expiresAt <= shared.clock.now() || (strict && row.spent)) return undefined;
  refreshTokens(shared).put(token, { ...row, spent: true });
  return row;
}

/** Ends the tokens `which` names: access tokens stop being known, refresh tokens give invalid_grant. */
export function revokeTokens(shared: Shared, which: (grant: Grant) => boolean): void {
  for (const row of refreshTokens(shared).values()) if (which(row)) refreshTokens(shared).delete(row.token);
  for (const row of accessTokens(shared).values()) if (which(row)) accessTokens(shared).delete(row.token);
}

export function pruneTokens(shared: Shared): void {
  const before = shared.clock.now() - FORGET_AFTER_MS;
  for (const row of accessTokens(shared).values()) if (row.expiresAt < before) accessTokens(shared).delete(row.token);
  for (const row of refreshTokens(shared).values()) {
    if (row.expiresAt < before) refreshTokens(shared).delete(row.token);
  }
  for (const row of codes(shared).values()) if (row.expiresAt < before) codes(shared).delete(row.code);
}

function onlyGrant({ clientId, memberId, userId }: Grant): Grant {
  return { clientId, memberId, userId };
}

function opaque(): string {
  return randomBytes(35).toString('hex');
}
