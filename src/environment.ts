/** The table of the service's variables: one entry each, with its check and its default. The docs are compared with it. */
import { isIP } from "node:net";
import { z } from "zod";
import { webhookSecretSchema } from "./protocol/webhook-secret.ts";

const onOff = z.enum(["on", "off"]).transform((value) => value === "on");
const seconds = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);

const publicUrlSchema = z.url({ protocol: /^https?$/ }).transform((value, context) => {
  const url = new URL(value);
  if (url.search || url.hash || url.username || url.password) {
    context.addIssue({ code: "custom", message: "only an origin and a path" });
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
});

/** host:port; the host a name, `*.` and the rest of one, or `loopback`; the port a number or `*`. */
const cdpPatternSchema = z
  .string()
  .regex(
    /^(loopback|\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9.-]+):(\d{1,5}|\*)$/i,
    "not host:port patterns such as chrome.internal:9222",
  )
  .transform((text): CdpPattern => {
    const colon = text.lastIndexOf(":");
    return { host: text.slice(0, colon).toLowerCase(), port: text.slice(colon + 1) };
  });

export interface CdpPattern {
  readonly host: string;
  readonly port: string;
}

export const ENVIRONMENT = {
  HOST: z.string().default("127.0.0.1"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  /** Origin plus base path, without a trailing slash; left out: derived from the listening address. */
  PUBLIC_URL: publicUrlSchema.optional(),
  BASE_PATH: z
    .string()
    .regex(/^(\/[A-Za-z0-9._~-]+)*\/?$/, "a path such as /bots")
    .transform((path) => path.replace(/\/$/, ""))
    .optional(),
  DATA_DIR: z.string().min(1).default("./data"),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  CHROMIUM_PATH: z.string().min(1).optional(),
  AUTH: onOff.default(false),
  MAX_SESSIONS: z.coerce.number().int().min(1).max(1_000).default(20),
  DEFAULT_TIMEOUT_SECONDS: seconds(180, 86_400),
  MAX_TIMEOUT_SECONDS: seconds(3_600, 86_400),
  RETENTION_SECONDS: seconds(86_400, 31_536_000),
  SHUTDOWN_SECONDS: seconds(10, 600),
  /** The endpoints that a bot may name for a page of its own. */
  CDP_ALLOW: z
    .string()
    .default("loopback:*")
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(cdpPatternSchema)),
  /** Whether pages that the server opens, and webhooks, may go to private addresses. */
  URL_ALLOW_PRIVATE: onOff.default(false),
  /** Signs webhooks of sessions without a secret of their own. */
  WEBHOOK_SECRET: webhookSecretSchema.optional(),
  DEMO: onOff.optional(),
  CHALLENGE_KINDS_FILE: z.string().min(1).optional(),
} as const;

/** All of them together: what two variables must agree on. */
export const environmentSchema = z
  .object(ENVIRONMENT)
  .refine(({ AUTH, HOST }) => AUTH || isLoopback(HOST), {
    path: ["HOST"],
    error: "AUTH=off serves loopback addresses only",
    when: ({ issues }) => !issues.some(({ path }) => path?.[0] === "HOST" || path?.[0] === "AUTH"),
  })
  .refine((env) => env.DEFAULT_TIMEOUT_SECONDS <= env.MAX_TIMEOUT_SECONDS, {
    path: ["DEFAULT_TIMEOUT_SECONDS"],
    error: "larger than MAX_TIMEOUT_SECONDS",
    // Compared only where both are right by themselves.
    when: ({ issues }) => !issues.some(({ path }) => String(path?.[0]).endsWith("_TIMEOUT_SECONDS")),
  });

/** The field of a variable in the configuration: PUBLIC_URL is publicUrl. */
export function fieldOf(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

/** The flag of a variable: PUBLIC_URL is --public-url. */
export function flagOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** True for the loopback addresses and names; nothing is resolved. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}
