/** The environment and the flags, checked once and frozen; the only reader of process.env. */
import { existsSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { resolve } from "node:path";
import { loadEnvFile } from "node:process";
import { parseArgs } from "node:util";
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

/** One entry a variable: its name, check and default. The docs are compared with this table. */
export const ENVIRONMENT = {
  HOST: z.string().refine(isLoopback, "AUTH=off serves loopback addresses only").default("127.0.0.1"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
  PUBLIC_URL: publicUrlSchema.optional(),
  BASE_PATH: z
    .string()
    .regex(/^(\/[A-Za-z0-9._~-]+)*\/?$/, "a path such as /bots")
    .transform((path) => path.replace(/\/$/, ""))
    .optional(),
  DATA_DIR: z.string().min(1).default("./data"),
  LOG_LEVEL: z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
  CHROMIUM_PATH: z.string().min(1).optional(),
  AUTH: z.enum(["off"], "only off for now: keys and links are not built yet").default("off"),
  MAX_SESSIONS: z.coerce.number().int().min(1).max(1_000).default(20),
  DEFAULT_TIMEOUT_SECONDS: seconds(180, 86_400),
  MAX_TIMEOUT_SECONDS: seconds(3_600, 86_400),
  RETENTION_SECONDS: seconds(86_400, 31_536_000),
  SHUTDOWN_SECONDS: seconds(10, 600),
  CDP_ALLOW: z
    .string()
    .default("loopback:*")
    .transform((text) => text.split(",").map((part) => part.trim()))
    .pipe(z.array(cdpPatternSchema)),
  URL_ALLOW_PRIVATE: onOff.default(false),
  WEBHOOK_SECRET: webhookSecretSchema.optional(),
  DEMO: onOff.optional(),
  CHALLENGE_KINDS_FILE: z.string().min(1).optional(),
} as const;

const environmentSchema = z
  .object(ENVIRONMENT)
  .refine((env) => env.DEFAULT_TIMEOUT_SECONDS <= env.MAX_TIMEOUT_SECONDS, {
    path: ["DEFAULT_TIMEOUT_SECONDS"],
    error: "larger than MAX_TIMEOUT_SECONDS",
    // Compared only where both are right by themselves.
    when: ({ issues }) => !issues.some(({ path }) => String(path?.[0]).endsWith("_TIMEOUT_SECONDS")),
  });

/** A selector list and, optionally, what "done" looks like, for a kind of challenge the user adds. */
const customKindSchema = z.strictObject({
  kind: z.string().regex(/^[a-z0-9-]{1,40}$/),
  selectors: z.array(z.string().min(1).max(1_000)).min(1).max(20),
  frame_urls: z.array(z.string().min(1).max(500)).max(20).default([]),
  done: z
    .array(
      z.union([
        z.strictObject({ gone: z.literal(true) }),
        z.strictObject({ visible: z.string().min(1) }),
        z.strictObject({ value: z.string().min(1) }),
      ]),
    )
    .min(1)
    .max(20)
    .default([{ gone: true }]),
});
export type ChallengeKind = z.infer<typeof customKindSchema>;

export interface Config {
  readonly host: string;
  readonly port: number;
  /** Origin plus base path, without a trailing slash; undefined: derived from the listening address. */
  readonly publicUrl: string | undefined;
  readonly basePath: string;
  readonly dataDir: string;
  readonly logLevel: z.infer<(typeof ENVIRONMENT)["LOG_LEVEL"]>;
  readonly chromiumPath: string | undefined;
  readonly auth: "off";
  readonly maxSessions: number;
  readonly defaultTimeoutSeconds: number;
  readonly maxTimeoutSeconds: number;
  readonly retentionSeconds: number;
  readonly shutdownSeconds: number;
  /** The endpoints that a bot may name for a page of its own. */
  readonly cdpAllow: readonly CdpPattern[];
  /** Whether webhooks may go to private addresses. */
  readonly urlAllowPrivate: boolean;
  /** Signs webhooks of sessions without a secret of their own. */
  readonly webhookSecret: string | undefined;
  readonly demo: boolean;
  readonly customKinds: readonly ChallengeKind[];
  /** PATH, where a system Chromium is looked for. */
  readonly searchPath: string;
  /** What browsers inherit of the environment: none of the service's own settings and secrets. */
  readonly browserEnvironment: Readonly<Record<string, string>>;
}

const BROWSER_VARIABLES = [
  "PATH",
  "HOME",
  "USER",
  "LANG",
  "LC_ALL",
  "XDG_RUNTIME_DIR",
  "FONTCONFIG_PATH",
  "LD_LIBRARY_PATH",
];

/** The values that stopped the start: one clear line per variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }
}

/** The configuration of this process: `.env` where there is one, then the environment, then flags. Throws ConfigError. */
export function configFromProcess(argv: readonly string[]): Config {
  if (existsSync(".env")) loadEnvFile(".env");
  return loadConfig(process.env, argv);
}

/**
 * The configuration of a service inside another program: options named as the variables in camelCase. Of the environment
 * only what a browser needs is taken. Throws ConfigError.
 */
export function configFromOptions(options: Readonly<Record<string, string | number | undefined>>): Config {
  const values = Object.entries(options).flatMap(([key, value]) => {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    if (!(name in ENVIRONMENT)) throw new ConfigError([`${key}: not an option`]);
    return value === undefined ? [] : [[name, String(value)]];
  });
  return loadConfig({ ...pick(process.env, BROWSER_VARIABLES), DEMO: "off", ...Object.fromEntries(values) });
}

/** A frozen Config from environment variables and flags of the same name in kebab-case. Throws ConfigError. */
export function loadConfig(env: NodeJS.ProcessEnv, argv: readonly string[] = []): Config {
  const given = { ...pick(env, Object.keys(ENVIRONMENT)), ...readFlags(argv) };
  const parsed = environmentSchema.safeParse(given);
  if (!parsed.success) {
    const lines = new Map<string, string>();
    for (const { path, message } of parsed.error.issues) {
      const name = String(path[0]);
      if (!lines.has(name)) lines.set(name, `${name}: ${message}`);
    }
    throw new ConfigError([...lines.values()]);
  }
  const values = parsed.data;
  return Object.freeze({
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL,
    basePath: values.BASE_PATH ?? (values.PUBLIC_URL ? new URL(values.PUBLIC_URL).pathname.replace(/\/$/, "") : ""),
    dataDir: resolve(values.DATA_DIR),
    logLevel: values.LOG_LEVEL,
    chromiumPath: values.CHROMIUM_PATH,
    auth: values.AUTH,
    maxSessions: values.MAX_SESSIONS,
    defaultTimeoutSeconds: values.DEFAULT_TIMEOUT_SECONDS,
    maxTimeoutSeconds: values.MAX_TIMEOUT_SECONDS,
    retentionSeconds: values.RETENTION_SECONDS,
    shutdownSeconds: values.SHUTDOWN_SECONDS,
    cdpAllow: values.CDP_ALLOW,
    urlAllowPrivate: values.URL_ALLOW_PRIVATE,
    webhookSecret: values.WEBHOOK_SECRET,
    demo: values.DEMO ?? values.PUBLIC_URL === undefined,
    customKinds: values.CHALLENGE_KINDS_FILE ? readKinds(values.CHALLENGE_KINDS_FILE) : [],
    searchPath: env["PATH"] ?? "",
    browserEnvironment: pick(env, BROWSER_VARIABLES),
  });
}

/** True for the loopback addresses and names; nothing is resolved. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, "$1");
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/** The named variables that are set and not empty. */
function pick(env: NodeJS.ProcessEnv, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (env[name]?.trim() ? [[name, env[name]]] : [])));
}

function readFlags(argv: readonly string[]): Record<string, string> {
  const names = Object.keys(ENVIRONMENT);
  const options = Object.fromEntries(names.map((name) => [flagOf(name), { type: "string" as const }]));
  try {
    const { values } = parseArgs({ args: [...argv], options, strict: true });
    return Object.fromEntries(
      names.flatMap((name) => {
        const value = values[flagOf(name)];
        return typeof value === "string" && value.trim() ? [[name, value]] : [];
      }),
    );
  } catch (error) {
    throw new ConfigError([error instanceof Error ? error.message : String(error)]);
  }
}

/** The flag of a variable: PUBLIC_URL is --public-url. */
export function flagOf(name: string): string {
  return name.toLowerCase().replaceAll("_", "-");
}

function readKinds(path: string): ChallengeKind[] {
  try {
    return z
      .array(customKindSchema)
      .max(100)
      .parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new ConfigError([`CHALLENGE_KINDS_FILE: ${why}`]);
  }
}
