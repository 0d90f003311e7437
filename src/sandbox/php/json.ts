const ESCAPED: Record<string, string> = {
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  "'": '\\u0027',
  '/': '\\/',
  '\\"': '\\u0022',
};

/** JSON as the portal writes it: markup characters as \u00XX, slashes escaped (contract imconnector §1.1). */
export function phpJson(value: unknown): string {
  // Outside strings JSON has none of these characters; the first alternative steps over an escaped backslash.
  return JSON.stringify(value).replace(/\\\\|\\"|[<>&'/]/g, (found) => ESCAPED[found] ?? found);
}
