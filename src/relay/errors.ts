/** What goes wrong on the bot's side of a relay. */

/** `code` is the server's, or `server_unreachable`, `cdp_unreachable`, `target_not_found`, `target_ambiguous`, `invalid_message`. */
export class RelayError extends Error {
  override readonly name = "RelayError";
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}
