/** Redacts URLs for logs, events, notices and errors: removes the parts that may be secret. */

/** Longer URLs and texts are cut: they come from pages, and searching them takes time. */
const MAX_URL_LENGTH = 2_000;
const MAX_TEXT_LENGTH = 10_000;

/**
 * The URL without credentials, query and fragment. Of URLs that hold content of their own (`data:`, `blob:`) only the
 * scheme is left. Text that is no URL becomes empty.
 */
export function redactUrl(text: string): string {
  const url = URL.parse(text);
  if (!url) return "";
  if (url.protocol === "about:") return `about:${url.pathname}`;
  return (url.host === "" ? url.protocol : `${url.protocol}//${url.host}${url.pathname}`).slice(0, MAX_URL_LENGTH);
}

/** The text with the URLs in it redacted, such as an error's message. */
export function redactUrlsIn(text: string): string {
  return text
    .slice(0, MAX_TEXT_LENGTH)
    .replace(/:\/\/[^\s/?#@"'<>]*@/g, "://")
    .replace(/(:\/\/[^\s"'<>?#]*)[?#][^\s"'<>]*/g, "$1")
    .replace(/\b(data|blob):[^\s"'<>]+/g, "$1:");
}
