/** Credentials in the address of a creation: they go where `http_credentials` go, and no record has them. */
import { AppError } from "../errors.ts";
import { type CreateSession, httpCredentialsSchema } from "../protocol/rest.ts";

/**
 * The body with the credentials of its `url` in `http_credentials`. Throws AppError invalid_message where it has both,
 * or where they are too long.
 */
export function moveUrlCredentials(body: CreateSession): CreateSession {
  const url = URL.parse(body.url ?? "");
  if (!url || (url.username === "" && url.password === "")) return body;
  if (body.http_credentials) throw new AppError("invalid_message", { field: "url", why: "has credentials too" });
  const given = { username: decoded(url.username), password: decoded(url.password) };
  const { data, success } = httpCredentialsSchema.safeParse(given);
  if (!success) throw new AppError("invalid_message", { field: "url", why: "credentials of more than 256 characters" });
  url.username = "";
  url.password = "";
  return { ...body, url: url.href, http_credentials: data };
}

/** A name or password may have a percent sign that is not the beginning of a code. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (codes) => {
    try {
      return decodeURIComponent(codes);
    } catch {
      return codes;
    }
  });
}
