import { timingSafeEqual } from 'node:crypto';
import type { ReceivedEvent } from '../payload.ts';

/** How one kind of messenger calls the webhook: by what it proves itself, and what its payloads mean. All pure. */
export interface Preset {
  /** @throws RequestError `invalid_signature`, `signature_expired`. */
  verify(request: PresetRequest): void;
  /**
   * The events of a genuine request; none when it speaks of nothing we carry.
   * @throws RequestError `invalid_json`, `invalid_request`.
   */
  translate(request: PresetRequest): ReceivedEvent[];
  /** The answer to a genuine request that only asks whether we are there; undefined for any other. */
  handshake?(request: PresetRequest): object | undefined;
  /** A new secret, in the shape this messenger takes. */
  createSecret(): string;
  /** What a secret looks like that the messenger made itself. */
  readonly secret: RegExp;
}

export interface PresetRequest {
  /** The value of a header that was sent exactly once, else empty. */
  header: (name: string) => string;
  /** The bytes as they were sent. */
  body: Buffer;
  /** Any of them may have signed. */
  secrets: readonly string[];
  /** Milliseconds since the epoch. */
  now: number;
}

/** In constant time; the length is no secret. */
export function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
