/** The addresses that clients are given, made here and nowhere else. */
import { API_PREFIX } from "../protocol/api-prefix.ts";
import type { PublicUrls } from "../session/ports/public-urls.ts";

/** `publicUrl` is origin plus base path; it is known once the server listens. */
export function publicUrlsAt(publicUrl: () => string): PublicUrls {
  const api = () => `${publicUrl()}${API_PREFIX}`;
  return {
    control: (id, token) => `${api()}/control/${id}${token === undefined ? "" : `#${token}`}`,
    status: (id) => `${api()}/status/${id}`,
    socket: (id) => `${api().replace(/^http/, "ws")}/ws/${id}`,
  };
}
