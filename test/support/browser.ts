import { existsSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

/** Undefined where none is installed. */
export const CHROMIUM = [process.env.CHROMIUM_PATH ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  existsSync,
);

export async function inBrowser(executablePath: string): Promise<Browser> {
  // Tests of containers run as root, where Chromium has no sandbox of its own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

/** What must not happen on a page. */
export interface Watched {
  /** Errors of scripts, and what the browser complains of. */
  faults: string[];
  /** Addresses it asked that are none of `own`. */
  strangers: string[];
}

export function watch(page: Page, own: string, seen: Watched = { faults: [], strangers: [] }): Watched {
  page.on('pageerror', (error) => seen.faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && seen.faults.push(message.text()));
  page.on('request', (request) => {
    if (!request.url().startsWith(own)) seen.strangers.push(request.url());
  });
  return seen;
}
