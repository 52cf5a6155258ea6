/** Builds the addresses that clients receive; no other module does. */
import { API_PREFIX } from "../protocol/api-prefix.ts";
import type { PublicUrls } from "../session/ports/public-urls.ts";

/** The addresses below `publicUrl`: origin plus base path, known once the server listens. */
export function publicUrlsAt(publicUrl: () => string): PublicUrls {
  const api = () => `${publicUrl()}${API_PREFIX}`;
  return {
    control: (id, token) => `${api()}/control/${id}${token === undefined ? "" : `#${token}`}`,
    status: (id) => `${api()}/status/${id}`,
    socket: (id) => `${api().replace(/^http/, "ws")}/ws/${id}`,
  };
}
