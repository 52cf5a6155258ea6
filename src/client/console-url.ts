// Where this console stands: reads the API's base path, the session id and the switches out of the page's own address.

/**
 */
export interface ConsoleUrl {
  readonly base: string;
  readonly sessionId: string;
  readonly embed: boolean;
  lang: string;
}

/**
 * @param {{ pathname: string, search: string }} address
 * @returns {Place}
 */
export function parseConsoleUrl(address: { readonly pathname: string; readonly search: string }): ConsoleUrl {
  // Anchored on the API's own path: a session may well be called "control".
  const parts = /^(.*\/api\/captcha)\/control(?:\/([^/]*))?\/?$/.exec(address.pathname);
  const query = new URLSearchParams(address.search);
  return {
    base: parts?.[1] ?? "",
    sessionId: decode(parts?.[2] ?? ""),
    embed: isOn(query.get("embed")),
    lang: query.get("lang") ?? "",
  };
}

/**
 * The address of a session's console page (or of the opening page, without an id); an explicit `?lang=` travels along.
 * @param {Place} place
 * @param {string} [sessionId]
 */
export function consolePath({ base, lang }: ConsoleUrl, sessionId = ""): string {
  const path = sessionId === "" ? `${base}/control` : `${base}/control/${encodeURIComponent(sessionId)}`;
  return lang === "" ? path : `${path}?lang=${encodeURIComponent(lang)}`;
}

/**
 * @param {Pick<Place, "base" | "sessionId">} place
 * @param {{ protocol: string, host: string }} address
 */
export function socketUrl(
  { base, sessionId }: Pick<ConsoleUrl, "base" | "sessionId">,
  address: { readonly protocol: string; readonly host: string },
): string {
  const scheme = address.protocol === "https:" ? "wss" : "ws";
  return `${scheme}://${address.host}${base}/ws/${encodeURIComponent(sessionId)}`;
}

function isOn(value: string | null): boolean {
  return value !== null && value !== "0" && value !== "false";
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % in the address: the server will say that it knows no such session
  }
}
