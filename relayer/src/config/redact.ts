// SPDX-License-Identifier: GPL-3.0-or-later

const REDACTED = "(redacted)";

/**
 * A value as it may be shown: private keys are left out, and of a URL everything that providers hide an access token in
 * (user, password, path, query).
 */
export function redact(value: unknown): unknown {
  if (typeof value !== "string") return value;
  // Policy ids look like keys, but are no secret: the caller says which paths hold keys.
  return redactUrl(value);
}

/** The same, for a path that holds a key. */
export function redactAt(path: string, value: unknown): unknown {
  return /(^|\.)[a-zA-Z]*Key$/.test(path) && typeof value === "string" && /^0x/.test(value)
    ? REDACTED
    : redact(value);
}

/** A URL without what may be a secret in it; other text as it is. */
export function redactUrl(text: string): string {
  if (!/^[a-z][a-z0-9+]*:\/\//i.test(text) || !URL.canParse(text)) return text;
  const { protocol, host, pathname, search, username } = new URL(text);
  const isBare = (pathname === "" || pathname === "/") && search === "" && username === "";
  return isBare ? text : `${protocol}//${host}/${REDACTED}`;
}
