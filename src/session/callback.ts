/** Where a session's webhooks go, checked before the session is made. */
import type { Config } from "../config.ts";
import { refuseHost, urlPatternSchema } from "../egress/destination.ts";
import { AppError } from "../errors.ts";
import type { Callback } from "../events/event-log.ts";
import type { CreateSession } from "../protocol/rest.ts";

/**
 * The callback that a creation asks for, or null. Throws invalid_message where nothing can sign what is sent there, and
 * url_not_allowed for a private address that the key may not reach, or a port of this server; names are resolved, and checked again, each time something is sent.
 */
export function callbackOf(
  { callback_url: url, callback_secret: secret }: CreateSession,
  { webhookSecret, urlAllowPrivate }: Pick<Config, "webhookSecret" | "urlAllowPrivate">,
  { allow, neverPorts }: { readonly allow: readonly string[]; readonly neverPorts: () => ReadonlySet<number> },
): Callback | null {
  if (url === undefined) return null;
  if (secret === undefined && webhookSecret === undefined) {
    throw new AppError("invalid_message", {
      field: "callback_url",
      why: "needs a callback_secret: this server has no WEBHOOK_SECRET",
    });
  }
  refuseHost(url, "callback_url", {
    allowPrivate: urlAllowPrivate,
    allow: allow.map((text) => urlPatternSchema.parse(text)),
    neverPorts,
    demoOrigin: () => undefined,
  });
  return { url, secret: secret ?? null, allow };
}
