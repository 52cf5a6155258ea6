/** The form of a webhook secret, from the Standard Webhooks specification. */
import { z } from "zod";

const MIN_BYTES = 24;
const MAX_BYTES = 64;
const PREFIX = "whsec_";
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** `whsec_` (which may be left out) and the base64 of 24 to 64 bytes. The error never repeats the secret. */
export const webhookSecretSchema = z
  .string()
  .max(200)
  .refine(isSecret, `not whsec_ and the base64 of ${MIN_BYTES} to ${MAX_BYTES} random bytes`);

function isSecret(text: string): boolean {
  const key = text.startsWith(PREFIX) ? text.slice(PREFIX.length) : text;
  const bytes = Math.floor((key.replace(/=+$/, "").length * 3) / 4);
  return BASE64.test(key) && bytes >= MIN_BYTES && bytes <= MAX_BYTES;
}
