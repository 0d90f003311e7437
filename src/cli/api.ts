import axios, { type AxiosInstance, type AxiosRequestConfig } from 'axios';

/** What a person can do something about; its message is all they see. */
export class CliError extends Error {
  override readonly name = 'CliError';
}

export interface Page<Item> {
  items: Item[];
  nextCursor: string | null;
}

/** The administration of a gateway, with failures in words that say what to do. */
export interface Api {
  readonly url: string;
  get<T>(path: string, params?: object): Promise<T>;
  post<T>(path: string, body?: unknown, options?: AxiosRequestConfig): Promise<T>;
  delete(path: string): Promise<void>;
  /** Up to `most` items, page by page; `more`: there are others. */
  list<Item>(path: string, params: object, most: number): Promise<{ items: Item[]; more: boolean }>;
  /** Asked without a key. */
  health(): Promise<{ status: string; checks?: Record<string, string> }>;
}

const PAGE = 200;

export function createApi({ url, key }: { url: string; key: string | undefined }): Api {
  const http: AxiosInstance = axios.create({
    baseURL: url,
    proxy: false,
    // A redirect could not be followed with a body that is gone, and would carry the key elsewhere.
    maxRedirects: 0,
    maxBodyLength: Infinity,
    validateStatus: () => true,
  });

  async function request<T>(config: AxiosRequestConfig): Promise<T> {
    if (key === undefined) throw new CliError(`There is no key. ${KEY_HINT}`);
    const headers = { ...config.headers, authorization: `Bearer ${key}` };
    const answer = await http
      .request<T>({ ...config, url: `/admin/v1${config.url ?? ''}`, headers })
      .catch((error: unknown) => {
        throw unreachable(url, error);
      });
    if (answer.status >= 300) throw refused(answer.status, answer.data);
    return answer.data;
  }

  const get = <T>(path: string, params: object = {}): Promise<T> => request<T>({ method: 'get', url: path, params });

  return {
    url,
    get,
    post: (path, body = {}, options = {}) => request({ ...options, method: 'post', url: path, data: body }),
    delete: (path) => request({ method: 'delete', url: path }),
    async list<Item>(path: string, params: object, most: number) {
      const items: Item[] = [];
      for (let cursor: string | undefined; ;) {
        const limit = Math.min(PAGE, most - items.length);
        const page: Page<Item> = await get(path, { ...params, limit, ...(cursor === undefined ? {} : { cursor }) });
        items.push(...page.items);
        if (page.nextCursor === null || items.length >= most) return { items, more: page.nextCursor !== null };
        cursor = page.nextCursor;
      }
    },
    async health() {
      const answer = await http.get<{ status: string }>('/health/ready').catch((error: unknown) => {
        throw unreachable(url, error);
      });
      return answer.data;
    },
  };
}

const KEY_HINT =
  'Pass --key, or set ADMIN_API_KEY in the environment or in .env: the first start of the gateway printed one.';

function unreachable(url: string, error: unknown): CliError {
  const { code = 'no answer' } = (error ?? {}) as { code?: string };
  const hint = 'Is it running? Start it with `npm start`, or name another address with --url or GATEWAY_URL.';
  return new CliError(`No gateway answers at ${url} (${code}). ${hint}`);
}

function refused(status: number, body: unknown): CliError {
  const { code, detail, title, errors, requestId } = (body ?? {}) as {
    code?: string;
    detail?: string;
    title?: string;
    errors?: { path: string; message: string }[];
    requestId?: string;
  };
  if (status === 401) return new CliError(`The gateway does not know this key. ${KEY_HINT}`);
  if (status === 403) return new CliError(`${detail ?? title}. Make one with \`gateway keys create\`.`);
  if (code === undefined) return new CliError(`Whatever answers there is no gateway (HTTP ${status}). Look at --url.`);
  const more = (errors ?? []).slice(1, 6).map(({ path, message }) => `\n  ${path}: ${message}`);
  return new CliError(`${detail ?? title ?? code} (${code}, request ${requestId ?? 'unknown'})${more.join('')}`);
}
