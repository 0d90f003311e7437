import express from 'express';
import type { AdminDeps } from './deps.ts';

/** The administration API; mounted at `/admin/v1`, between the request id and the problem handler. */
export function createAdminRouter(_deps: AdminDeps): express.Router {
  return express.Router();
}
