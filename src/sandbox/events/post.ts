import http from 'node:http';
import https from 'node:https';

export interface PostResult {
  /** Null: no answer. */
  readonly status: number | null;
  readonly error?: string;
}

export interface Poster {
  post(url: string, form: string): Promise<PostResult>;
  close(): void;
}

/** The queue service's patience is not documented; long enough for a slow handler, short enough for a stand-in. */
const TIMEOUT_MS = 10_000;

export function createPoster(): Poster {
  const plain = new http.Agent({ keepAlive: true });
  const secure = new https.Agent({ keepAlive: true });
  return {
    post: (url, form) =>
      new Promise((resolve) => {
        const failed = (error: unknown) => resolve({ status: null, error: String(error) });
        try {
          const isSecure = url.startsWith('https:');
          const request = (isSecure ? https : http).request(url, {
            method: 'POST',
            agent: isSecure ? secure : plain,
            timeout: TIMEOUT_MS,
            headers: {
              'Content-Type': 'application/x-www-form-urlencoded',
              'Content-Length': Buffer.byteLength(form),
              'User-Agent': 'Bitrix24 Webhook Engine',
            },
          });
          request.once('response', (response) => {
            response.resume().once('end', () => resolve({ status: response.statusCode ?? null }));
            response.once('error', failed);
          });
          request.once('timeout', () => request.destroy(new Error('no answer in time')));
          request.once('error', failed);
          request.end(form);
        } catch (error) {
          failed(error);
        }
      }),
    close() {
      plain.destroy();
      secure.destroy();
    },
  };
}
