import type { Request, Response } from 'express';
import { parseCookie, stringifySetCookie } from 'cookie';

/** The cookie a session of the console lives in. Scripts cannot read it, and no other site makes the browser send it. */

const MAX_TOKEN = 200;

export interface SessionCookie {
  read(req: Request): string | undefined;
  set(res: Response, token: string, maxAgeMs: number): void;
  clear(res: Response): void;
}

/** `publicUrl`: over https the cookie never travels without it, and belongs to this very host (`__Host-`). */
export function createSessionCookie(publicUrl: () => string): SessionCookie {
  const isSecure = (): boolean => publicUrl().startsWith('https:');
  const name = (): string => (isSecure() ? '__Host-ocg-session' : 'ocg-session');
  const write = (res: Response, value: string, maxAgeS: number): void => {
    const options = { httpOnly: true, secure: isSecure(), sameSite: 'strict', path: '/', maxAge: maxAgeS } as const;
    res.append('Set-Cookie', stringifySetCookie({ name: name(), value, ...options }));
  };
  return {
    read(req) {
      const token = parseCookie(req.get('cookie') ?? '')[name()];
      return token === undefined || token === '' || token.length > MAX_TOKEN ? undefined : token;
    },
    set: (res, token, maxAgeMs) => write(res, token, Math.floor(maxAgeMs / 1000)),
    clear: (res) => write(res, '', 0),
  };
}
