/**
 * The port to the server's addresses: absolute URLs as clients reach them, from PUBLIC_URL or where the server listens.
 */
export interface PublicUrls {
  /**
   * The console of a session. `token` is that of an operator link. It stands behind the #, which browsers send
   * to no server, so it is in no log of a server or proxy.
   */
  control(sessionId: string, token?: string): string;
  /** The long poll of a session [R6]. */
  status(sessionId: string): string;
  /** The operator socket of a session, `ws:` or `wss:`. */
  socket(sessionId: string): string;
}
