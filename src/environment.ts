/** The table of the service's variables. Each has its check, its default, and the text from which the docs are generated. */
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

/** A comma-separated list whose items are checked one by one. */
const listOf = <Item extends z.ZodType<unknown, string>>(item: Item) =>
  z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(item));

/** The groups of variables, in the order of the documentation. */
export const VARIABLE_GROUPS = {
  server: "Address, data and log",
  access: "Keys, origins and proxies",
  capacity: "Sessions and connections at a time",
  rates: "What one client may send",
  time: "Times and restarts",
  network: "Where pages and webhooks go",
  telemetry: "Arrival notices and traces",
  challenges: "Demo and kinds of challenge",
} as const;

/** The text of a variable in docs/configuration.md and .env.example. Default and range come from its schema. */
export interface VariableText {
  readonly group: keyof typeof VARIABLE_GROUPS;
  /** A phrase for the table, in Markdown. */
  readonly meaning: string;
  /** Further sentences, in Markdown. They stand below the table, and as a comment in .env.example. */
  readonly more?: string;
  /** Unit of the number, such as "s" or "bytes". */
  readonly unit?: string;
  /** The effect of leaving the variable out, in Markdown, if its schema has no default. */
  readonly unset?: string;
}

const texts = z.registry<VariableText>();

export const ENVIRONMENT = {
  HOST: z.string().default("127.0.0.1").register(texts, {
    group: "server",
    meaning: "address to listen on",
    more: "While `AUTH` is `off` only loopback addresses are accepted.",
  }),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000).register(texts, {
    group: "server",
    meaning: "port of the API and the console; 0 takes a free one",
    more: "The demo challenges take the next port.",
  }),
  /** Origin plus base path, without a trailing slash. Derived from the listening address when left out. */
  PUBLIC_URL: publicUrlSchema.optional().register(texts, {
    group: "server",
    meaning: "origin and path under which others reach the server",
    more: "Links are built from it, never from the `Host` header.",
    unset: "`http://HOST:PORT`",
  }),
  BASE_PATH: z
    .string()
    .regex(/^(\/[A-Za-z0-9._~-]+)*\/?$/, "a path such as /bots")
    .transform((path) => path.replace(/\/$/, ""))
    .optional()
    .register(texts, {
      group: "server",
      meaning: "path in front of every route, for a reverse proxy",
      more: "Requests without it are served too.",
      unset: "the path of `PUBLIC_URL`",
    }),
  DATA_DIR: z.string().min(1).default("./data").register(texts, {
    group: "server",
    meaning: "folder of the database and of one browser profile for each living session",
    more: "Its files are readable by the server's user only.",
  }),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info").register(texts, {
    group: "server",
    meaning: "fatal, error, warn, info, debug, trace or silent",
  }),
  CHROMIUM_PATH: z.string().min(1).optional().register(texts, {
    group: "server",
    meaning: "Chromium or Chrome to run",
    more: "Left out, the server looks for Playwright's own, then for `chromium-headless-shell`, `chromium` and `google-chrome` on the PATH.",
    unset: "found by itself",
  }),
  AUTH: onOff.default(true).register(texts, {
    group: "access",
    meaning: "off: anyone on this machine may do everything, for trying out",
    more: "With `off` no request needs a key or a link, and the server listens on loopback addresses only.",
  }),
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
    .default([])
    .register(texts, {
      group: "access",
      meaning: "keys beside those of `keys add`: `name:secret` or `name:secret:scope+scope`, separated by commas",
      more: "Do not pass them as a flag: flags stand in the list of processes.",
    }),
  API_KEYS_FILE: z.string().min(1).optional().register(texts, {
    group: "access",
    meaning: "file with keys in the form of `API_KEYS`, one on each line",
    more: "A line may add `labels=a,b`, `url_allow=a,b` and `cdp_allow=a,b`.",
  }),
  MCP_CODES: onOff.default(true).register(texts, {
    group: "access",
    meaning: "off: a person whom an agent asks comes in by a key only",
    more: "With `on` a six-digit code opens the session too, and a client without URL elicitation gets an operator link as text. An agent that has a browser can use either, and so act as the person. With `off` nothing that an agent gets opens a session.",
  }),
  ALLOWED_ORIGINS: listOf(siteOriginSchema).default([]).register(texts, {
    group: "access",
    meaning: "other sites whose pages may use the API and embed the console, separated by commas",
    more: "Exact origins, such as `https://shop.example`. There is no wildcard.",
  }),
  ALLOWED_HOSTS: listOf(siteHostSchema).default([]).register(texts, {
    group: "access",
    meaning: "further `Host` names of this server, `host` or `host:port`, separated by commas",
    more: "For the name that a proxy puts into `Host`, such as `captcha.internal:3000`.",
  }),
  TRUST_PROXY: listOf(trustedProxySchema).default([]).register(texts, {
    group: "access",
    meaning: "proxies whose `X-Forwarded-For` is believed, separated by commas",
    more: "Addresses, ranges such as `10.1.0.0/16`, `loopback`, `linklocal` or `uniquelocal`. Left out, the address of the connection counts, so that all clients behind a proxy share one address and its limits.",
  }),
  MAX_SESSIONS: upTo(1_000).default(20).register(texts, {
    group: "capacity",
    meaning: "living sessions",
    more: "Each session is a browser of 100 MB and more.",
  }),
  WARM_BROWSERS: upTo(100, 0).default(1).register(texts, {
    group: "capacity",
    meaning: "browsers that wait, started, for creations to come; 0: none",
    more: "A creation takes one unless it asks for another `viewport`, `locale`, `timezone`, `user_agent`, `device` or `touch`. Each has some 80 MB. There are none while memory is short.",
  }),
  MAX_SESSIONS_PER_KEY: upTo(1_000).optional().register(texts, {
    group: "capacity",
    meaning: "living sessions of one key",
    unset: "`MAX_SESSIONS`",
  }),
  MAX_RELAYS: upTo(10_000).default(100).register(texts, {
    group: "capacity",
    meaning: "relays of one key",
    more: "A relay carries one page of a bot's browser.",
  }),
  MAX_CONNECTIONS: upTo(100_000).default(1_000).register(texts, {
    group: "capacity",
    meaning: "operator sockets, events sockets, event streams and relays",
  }),
  MAX_CONNECTIONS_PER_ADDRESS: upTo(100_000).default(200).register(texts, {
    group: "capacity",
    meaning: "operator sockets, events sockets, event streams and relays from one address",
  }),
  MAX_EVENT_CONNECTIONS_PER_KEY: upTo(100_000).default(50).register(texts, {
    group: "capacity",
    meaning: "events sockets, and event streams of many sessions, of one key",
  }),
  MAX_PENDING_CONNECTIONS: upTo(100_000).default(100).register(texts, {
    group: "capacity",
    meaning: "sockets that have not authenticated yet",
    more: "A quarter of them at most may come from one address.",
  }),
  MAX_UPLOAD_BYTES: upTo(1_073_741_824, 1_024).default(26_214_400).register(texts, {
    group: "capacity",
    meaning: "size of one file that an operator gives to a page",
    unit: "bytes",
  }),
  MAX_UPLOADS_PER_SESSION: upTo(100).default(10).register(texts, {
    group: "capacity",
    meaning: "files that operators give to the page of one session",
  }),
  MAX_UPLOAD_BYTES_PER_SESSION: upTo(10_737_418_240, 1_024).default(104_857_600).register(texts, {
    group: "capacity",
    meaning: "size of all files of one session",
    unit: "bytes",
  }),
  MAX_UPLOAD_BYTES_ALL: upTo(1_099_511_627_776, 1_024).default(1_073_741_824).register(texts, {
    group: "capacity",
    meaning: "size of all files of all living sessions",
    more: "They are in `DATA_DIR`, and go with their session.",
    unit: "bytes",
  }),
  AUTHENTICATE_SECONDS: seconds(5, 60).register(texts, {
    group: "rates",
    meaning: "time for a socket to authenticate",
    unit: "s",
  }),
  MAX_CREATES_PER_MINUTE: upTo(100_000).default(60).register(texts, {
    group: "rates",
    meaning: "creations of one key, or of one address where no key is asked for",
    unit: "a minute",
  }),
  MAX_MCP_CALLS_PER_MINUTE: upTo(100_000).default(600).register(texts, {
    group: "rates",
    meaning: "MCP requests of one key, or of one address where no key is asked for",
    unit: "a minute",
  }),
  MAX_FAILED_AUTHENTICATIONS_PER_MINUTE: upTo(100_000).default(60).register(texts, {
    group: "rates",
    meaning: "wrong keys, links, tickets and codes from one address",
    more: "A valid key is never refused because of wrong ones from the same address.",
    unit: "a minute",
  }),
  /** The minimum admits the largest honest message: 10,000 characters of text, escaped. */
  MAX_MESSAGE_BYTES: upTo(1_048_576, 65_536).default(65_536).register(texts, {
    group: "rates",
    meaning: "size of a message on the operator socket",
    unit: "bytes",
  }),
  MAX_MESSAGES_PER_SECOND: upTo(10_000, 10).default(100).register(texts, {
    group: "rates",
    meaning: "messages of one socket",
    more: "Moves, `ack`, `ping`, `pong` and `heartbeat` are not counted.",
    unit: "a second",
  }),
  MESSAGE_BURST: upTo(10_000, 10).default(200).register(texts, {
    group: "rates",
    meaning: "messages of one socket at once",
  }),
  MAX_MOVES_PER_SECOND: upTo(10_000, 60).default(1_000).register(texts, {
    group: "rates",
    meaning: "pointer moves of one socket; more are merged",
    unit: "a second",
  }),
  REQUEST_TIMEOUT_SECONDS: seconds(15, 600).register(texts, {
    group: "rates",
    meaning: "time for a request to arrive",
    unit: "s",
  }),
  HEADERS_TIMEOUT_SECONDS: seconds(10, 600).register(texts, {
    group: "rates",
    meaning: "time for the headers of a request to arrive; at most `REQUEST_TIMEOUT_SECONDS`",
    unit: "s",
  }),
  MAX_BODY_BYTES: upTo(67_108_864, 65_536).default(4_194_304).register(texts, {
    group: "rates",
    meaning: "size of the body of a creation, which may have a `storage_state`",
    more: "All other bodies may have 64 kB.",
    unit: "bytes",
  }),
  DEFAULT_TIMEOUT_SECONDS: seconds(180, 86_400).register(texts, {
    group: "time",
    meaning: "life of a session whose bot sets no `timeout_seconds`; at most `MAX_TIMEOUT_SECONDS`",
    unit: "s",
  }),
  MAX_TIMEOUT_SECONDS: seconds(3_600, 86_400).register(texts, {
    group: "time",
    meaning: "longest life of a session, extensions included",
    unit: "s",
  }),
  RETENTION_SECONDS: seconds(86_400, 31_536_000).register(texts, {
    group: "time",
    meaning: "how long the result and the history of an ended session can be read",
    unit: "s",
  }),
  SHUTDOWN_SECONDS: seconds(10, 600).register(texts, {
    group: "time",
    meaning: "longest time that a stop may take",
    unit: "s",
  }),
  KEEP_BROWSERS: onOff.default(false).register(texts, {
    group: "time",
    meaning: "on: an orderly stop leaves sessions and their browsers to the next start",
    more: "It needs a service manager that leaves the browsers alone, as `deploy/captcha-remote.service` does.",
  }),
  CDP_ALLOW: listOf(cdpPatternSchema).prefault("loopback:*").register(texts, {
    group: "network",
    meaning: "debugging endpoints that a bot may name for its own page, `host:port` patterns separated by commas",
    more: "`loopback:*` is this machine. Others look like `chrome.internal:9222` or `*.bots.internal:*`.",
  }),
  URL_ALLOW_PRIVATE: onOff.default(false).register(texts, {
    group: "network",
    meaning: "on: sessions may open private addresses, and webhooks may go there",
    more: "The addresses of this machine are among them. The ports of this server and of its browsers stay closed.",
  }),
  WEBHOOK_SECRET: webhookSecretSchema.optional().register(texts, {
    group: "network",
    meaning: "secret that signs the webhooks of sessions without a `callback_secret`",
    more: "`whsec_` and the base64 of 24 to 64 random bytes: `echo whsec_$(openssl rand -base64 32)`.",
  }),
  ARRIVAL_NOTICES_FILE: z.string().min(1).optional().register(texts, {
    group: "telemetry",
    meaning: "JSON file with chat channels that hear when a session needs a person",
    more: "Slack, Feishu, DingTalk or plain JSON.",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .register(texts, {
      group: "telemetry",
      meaning: "OpenTelemetry collector of traces, OTLP over HTTP, such as `http://127.0.0.1:4318`",
      more: "Left out, nothing is traced. The exporter also reads its other standard variables, such as `OTEL_EXPORTER_OTLP_HEADERS`.",
    }),
  OTEL_SERVICE_NAME: z.string().min(1).default("captcha-remote").register(texts, {
    group: "telemetry",
    meaning: "name of this server in traces",
  }),
  DEMO: onOff.optional().register(texts, {
    group: "challenges",
    meaning: "on: the demo challenges and the session `demo`",
    unset: "on without `PUBLIC_URL`, else off",
  }),
  CHALLENGE_KINDS_FILE: z.string().min(1).optional().register(texts, {
    group: "challenges",
    meaning: "JSON file with your own kinds of challenge",
    more: "For pages whose challenge is not found by itself. docs/challenges.md has its fields.",
  }),
} as const;

/** The documentation's text of a variable. Throws an Error if it has none. */
export function variableText(name: keyof typeof ENVIRONMENT): VariableText {
  const text = texts.get(ENVIRONMENT[name]);
  if (!text) throw new Error(`${name} has no text for the documentation`);
  return text;
}

/** All variables, with the checks that concern two of them. */
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
    // The comparison needs two values that are valid by themselves.
    when: ({ issues }) => !issues.some(({ path }) => /^(DEFAULT|MAX)_TIMEOUT_SECONDS$/.test(String(path?.[0]))),
  })
  .refine((env) => env.HEADERS_TIMEOUT_SECONDS <= env.REQUEST_TIMEOUT_SECONDS, {
    path: ["HEADERS_TIMEOUT_SECONDS"],
    error: "larger than REQUEST_TIMEOUT_SECONDS",
    when: ({ issues }) => !issues.some(({ path }) => /^(HEADERS|REQUEST)_TIMEOUT_SECONDS$/.test(String(path?.[0]))),
  });

/** The name of a variable's field in Config: publicUrl for PUBLIC_URL. */
export function fieldOf(name: string): string {
  return name.toLowerCase().replace(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

/** The name of a variable's flag, without dashes in front: public-url for PUBLIC_URL. */
export function flagOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

/** True for a loopback address, with or without brackets, and for `localhost`. Names are not resolved. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}
