/** Addresses as they may be told in logs, events, notices and errors: without what is secret in them. */

/** Longer ones are cut: they come from pages, and looking through them takes time. */
const MAX_URL_LENGTH = 2_000;
const MAX_TEXT_LENGTH = 10_000;

/**
 * A URL without credentials, query and fragment. Of addresses that hold content of their own (`data:`, `blob:`) the
 * scheme is left; what is no URL becomes empty.
 */
export function redactUrl(text: string): string {
  const url = URL.parse(text);
  if (!url) return "";
  if (url.protocol === "about:") return `about:${url.pathname}`;
  return (url.host === "" ? url.protocol : `${url.protocol}//${url.host}${url.pathname}`).slice(0, MAX_URL_LENGTH);
}

/** A text with the URLs in it so cut, as messages of errors are. */
export function redactUrlsIn(text: string): string {
  return text
    .slice(0, MAX_TEXT_LENGTH)
    .replace(/:\/\/[^\s/?#@"'<>]*@/g, "://")
    .replace(/(:\/\/[^\s"'<>?#]*)[?#][^\s"'<>]*/g, "$1")
    .replace(/\b(data|blob):[^\s"'<>]+/g, "$1:");
}
