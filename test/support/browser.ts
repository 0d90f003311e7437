import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Undefined where none is installed. */
export const CHROMIUM = [process.env.CHROMIUM_PATH ?? '', '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
  existsSync,
);

export async function inBrowser(executablePath: string): Promise<Browser> {
  // Tests of containers run as root, where Chromium has no sandbox of its own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
