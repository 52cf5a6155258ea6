/** Other sites stay out: a page of theirs, open in the operator's own browser, must not reach the server through it. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isLoopback } from "../environment.ts";
import { AppError } from "../errors.ts";

/**
 * Refuses requests that a browser sends for another site: a foreign `Origin` on a socket or a change, and a `Host`
 * that is neither a loopback name nor PUBLIC_URL's (a name that was made to point here). No `Origin` means no browser.
 */
export function keepOtherSitesOut(app: FastifyInstance, publicUrl: () => string): void {
  app.addHook("onRequest", async (request) => {
    const own = new URL(publicUrl());
    const host = hostOf(request);
    if (!host || (!isLoopback(host.hostname) && host.host !== own.host)) {
      throw new AppError("forbidden", { field: "host", why: "not a name of this server" });
    }
    const { origin } = request.headers;
    const changes = request.headers.upgrade !== undefined || !["GET", "HEAD", "OPTIONS"].includes(request.method);
    if (origin !== undefined && changes && origin !== own.origin && origin !== `http://${host.host}`) {
      throw new AppError("forbidden", { field: "origin", why: "another site" });
    }
  });
}

function hostOf(request: FastifyRequest): URL | null {
  return URL.parse(`http://${request.headers.host ?? ""}`);
}
