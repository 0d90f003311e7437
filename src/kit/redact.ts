/**
 * The net under the rule that no secret and no personal text is ever logged: fields whose name promises one are
 * blanked wherever they are nested. Callers log ids; this catches what slips through.
 */
const SENSITIVE =
  /^(.*(token|secret|password|authorization|signature|cookie|apikey|api_key|refresh_?id|auth_?id).*|auth|text|message_text|name|lastname|last_name|username|phone|email|title|body|params|data|payload)$/i;
/** Names that look sensitive and are not. */
const HARMLESS = /^(event|eventName|errorName)$/;

const BLANK = '[redacted]';
const MAX_DEPTH = 6;

export function redact(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Error) return describeError(value, depth);
  if (depth >= MAX_DEPTH) return '[deep]';
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      SENSITIVE.test(key) && !HARMLESS.test(key) ? BLANK : redact(inner, depth + 1),
    ]),
  );
}

/** An error without the request and response that HTTP libraries hang on it. */
function describeError(error: Error, depth: number): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return {
    errorName: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause === undefined || depth >= MAX_DEPTH ? {} : { cause: redact(error.cause, depth + 1) }),
  };
}
