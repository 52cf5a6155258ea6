/** The table of the service's variables: one entry each, with its check and its default. The docs are compared with it. */
import { isIP } from "node:net";
import { z } from "zod";
import { parseKeySpecs } from "./auth/key-spec.ts";
import { cdpPatternSchema } from "./protocol/cdp-pattern.ts";
import { siteHostSchema, siteOriginSchema, trustedProxySchema } from "./protocol/sites.ts";
import { webhookSecretSchema } from "./protocol/webhook-secret.ts";

const onOff = z.enum(["on", "off"]).transform((value) => value === "on");
const upTo = (max: number, min = 1) => z.coerce.number().int().min(min).max(max);
const seconds = (fallback: number, max: number) => upTo(max).default(fallback);

const publicUrlSchema = z.url({ protocol: /^https?$/ }).transform((value, context) => {
  const url = new URL(value);
  if (url.search || url.hash || url.username || url.password) {
    context.addIssue({ code: "custom", message: "only an origin and a path" });
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
});

/** Comma-separated, each checked by itself. */
const listOf = <Item extends z.ZodType<unknown, string>>(item: Item) =>
  z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(item));

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
  /** off: whoever reaches the server, from this machine only, may do everything. */
  AUTH: onOff.default(true),
  API_KEYS: z
    .string()
    .transform((text, context) => {
      try {
        return parseKeySpecs(text, ",");
      } catch (error) {
        context.addIssue({ code: "custom", message: (error as Error).message });
        return z.NEVER;
      }
    })
    .default([]),
  API_KEYS_FILE: z.string().min(1).optional(),
  /** Other sites whose pages may use the API and show the console in a frame. */
  ALLOWED_ORIGINS: listOf(siteOriginSchema).default([]),
  /** Other names that this server is asked by: those of a proxy in front of it. */
  ALLOWED_HOSTS: listOf(siteHostSchema).default([]),
  /** The proxies that are believed when they say whom they ask for. */
  TRUST_PROXY: listOf(trustedProxySchema).default([]),
  MAX_SESSIONS: upTo(1_000).default(20),
  /** Left out: as MAX_SESSIONS. */
  MAX_SESSIONS_PER_KEY: upTo(1_000).optional(),
  MAX_CREATES_PER_MINUTE: upTo(100_000).default(60),
  /** Operator sockets, events sockets and event streams together. */
  MAX_CONNECTIONS: upTo(100_000).default(1_000),
  MAX_CONNECTIONS_PER_ADDRESS: upTo(100_000).default(200),
  /** Events sockets, and event streams of many sessions. */
  MAX_EVENT_CONNECTIONS_PER_KEY: upTo(100_000).default(50),
  /** Operator sockets that have not said yet who they are, and how long they may take. */
  MAX_PENDING_CONNECTIONS: upTo(100_000).default(100),
  AUTHENTICATE_SECONDS: seconds(5, 60),
  MAX_FAILED_AUTHENTICATIONS_PER_MINUTE: upTo(100_000).default(60),
  /** The least is the largest honest message: 10,000 characters of text, escaped. */
  MAX_MESSAGE_BYTES: upTo(1_048_576, 65_536).default(65_536),
  MAX_MESSAGES_PER_SECOND: upTo(10_000, 10).default(100),
  MESSAGE_BURST: upTo(10_000, 10).default(200),
  MAX_MOVES_PER_SECOND: upTo(10_000, 60).default(1_000),
  REQUEST_TIMEOUT_SECONDS: seconds(15, 600),
  HEADERS_TIMEOUT_SECONDS: seconds(10, 600),
  /** Of a creation, which may have a storage state; all else is small. */
  MAX_BODY_BYTES: upTo(67_108_864, 65_536).default(4_194_304),
  DEFAULT_TIMEOUT_SECONDS: seconds(180, 86_400),
  MAX_TIMEOUT_SECONDS: seconds(3_600, 86_400),
  RETENTION_SECONDS: seconds(86_400, 31_536_000),
  SHUTDOWN_SECONDS: seconds(10, 600),
  /** Whether sessions go on with the next server when this one is shut down in order. */
  KEEP_BROWSERS: onOff.default(false),
  /** The endpoints that a bot may name for a page of its own. */
  CDP_ALLOW: listOf(cdpPatternSchema).prefault("loopback:*"),
  /** Whether pages that the server opens, and webhooks, may go to private addresses. */
  URL_ALLOW_PRIVATE: onOff.default(false),
  /** Signs webhooks of sessions without a secret of their own. */
  WEBHOOK_SECRET: webhookSecretSchema.optional(),
  /** Channels that are told when a session needs a person. */
  ARRIVAL_NOTICES_FILE: z.string().min(1).optional(),
  /** A collector of traces. What else its protocol knows (OTEL_EXPORTER_OTLP_HEADERS, ...) its library reads itself. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  OTEL_SERVICE_NAME: z.string().min(1).default("captcha-remote"),
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
    when: ({ issues }) => !issues.some(({ path }) => /^(DEFAULT|MAX)_TIMEOUT_SECONDS$/.test(String(path?.[0]))),
  })
  .refine((env) => env.HEADERS_TIMEOUT_SECONDS <= env.REQUEST_TIMEOUT_SECONDS, {
    path: ["HEADERS_TIMEOUT_SECONDS"],
    error: "larger than REQUEST_TIMEOUT_SECONDS",
    when: ({ issues }) => !issues.some(({ path }) => /^(HEADERS|REQUEST)_TIMEOUT_SECONDS$/.test(String(path?.[0]))),
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
