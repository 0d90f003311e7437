import express, { type Router } from 'express';
import type { SandboxPortal } from '../portal.ts';

export function controlRouter(_portal: () => SandboxPortal, _advance: (ms: number) => void): Router {
  return express.Router();
}
