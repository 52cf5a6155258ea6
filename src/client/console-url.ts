/** The console's own address: the API's base path, the session id and the switches in it. */
import { API_PREFIX } from "../protocol/api-prefix.ts";

/** Anchored on the API's own path: a session may well be called "control". */
const CONSOLE_PATH = new RegExp(`^(.*${API_PREFIX})/control(?:/([^/]*))?/?$`);

export interface ConsoleUrl {
  /** Everything before `/control`, e.g. `/tools/api/captcha`. */
  readonly base: string;
  /** Empty on the start page. */
  readonly sessionId: string;
  /** Shows the picture alone. */
  readonly embed: boolean;
  /** The language that the address asks for, or empty. Links made from this address carry it on. */
  lang: string;
  /** The colours that the address asks for, `light` or `dark`; else the person's own choice counts. */
  readonly theme: string;
}

export function parseConsoleUrl(address: { readonly pathname: string; readonly search: string }): ConsoleUrl {
  const parts = CONSOLE_PATH.exec(address.pathname);
  const query = new URLSearchParams(address.search);
  return {
    base: parts?.[1] ?? "",
    sessionId: decode(parts?.[2] ?? ""),
    embed: isOn(query.get("embed")),
    lang: query.get("lang") ?? "",
    theme: query.get("theme") ?? "",
  };
}

/** The path of a session's console page (of the start page, without an id); an explicit `?lang=` is kept. */
export function consolePath({ base, lang }: ConsoleUrl, sessionId = ""): string {
  const path = sessionId === "" ? `${base}/control` : `${base}/control/${encodeURIComponent(sessionId)}`;
  return lang === "" ? path : `${path}?lang=${encodeURIComponent(lang)}`;
}

/** The address of a session's operator socket, on the host and with the security of `address`. */
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
