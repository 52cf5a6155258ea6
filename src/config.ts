/** Reads the environment and the flags, checks them once and freezes them. The only reader of process.env. */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { loadEnvFile } from "node:process";
import { parseArgs } from "node:util";
import { z } from "zod";
import { assertDistinct, type ConfiguredKey, parseKeySpecs } from "./auth/key-spec.ts";
import { ENVIRONMENT, environmentSchema, fieldOf, flagOf } from "./environment.ts";
import { type ArrivalChannel, arrivalChannelsSchema } from "./protocol/arrival-channels.ts";

const selector = z.string().min(1).max(1_000);
const selectors = z.array(selector).max(100);
/** Parts of a URL, fragment included: the URL has one of the entries, and of an entry "a & b" both parts. */
const urlParts = z.array(z.string().min(1).max(500)).max(100);
const matches = z
  .strictObject({ selectors: selectors.default([]), frame_urls: urlParts.default([]) })
  .default({ selectors: [], frame_urls: [] });
const pattern = z.string().min(1).max(200).refine(isPattern, { message: "not a regular expression" });

/** One kind of challenge, of the table or of CHALLENGE_KINDS_FILE. docs/challenges.md says what each field means. */
export const challengeKindSchema = z
  .strictObject({
    kind: z.string().regex(/^[a-z0-9-]{1,40}$/),
    vendor: z.string().max(200).default(""),
    source: z.string().max(1_000).default(""),
    role: z.enum(["wall", "widget", "weak", "generic"]).default("widget"),
    selectors,
    frame_urls: urlParts.default([]),
    page_urls: urlParts.default([]),
    not_when: matches,
    working: matches,
    done: z
      .array(
        z.union([
          z.strictObject({ gone: z.literal(true) }),
          z.strictObject({ visible: selector }),
          z.strictObject({
            value: selector,
            no_answer: pattern.optional(),
            name: z.string().min(1).max(200).optional(),
          }),
        ]),
      )
      .min(1)
      .max(20)
      .default([{ gone: true }]),
    closes: z.boolean().default(false),
    min_width: z.number().min(0).max(10_000).default(0),
    min_height: z.number().min(0).max(10_000).default(0),
  })
  .refine((kind) => kind.selectors.length + kind.frame_urls.length + kind.page_urls.length > 0, {
    path: ["selectors"],
    message: "nothing to find it by: no selectors, frame_urls or page_urls",
  });
export type ChallengeKind = z.infer<typeof challengeKindSchema>;
/** A kind as it is written down: what is left out has its default. */
export type ChallengeKindEntry = z.input<typeof challengeKindSchema>;
const challengeKindsSchema = z.array(challengeKindSchema).max(200);

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}

type Variables = typeof ENVIRONMENT;
type Pascal<Name extends string> = Name extends `${infer Head}_${infer Rest}`
  ? `${Capitalize<Lowercase<Head>>}${Pascal<Rest>}`
  : Capitalize<Lowercase<Name>>;
/** The type of `fieldOf`: publicUrl for PUBLIC_URL. */
type FieldOf<Name extends string> = Uncapitalize<Pascal<Name>>;

/** The output of each variable's schema, under the variable's name in camelCase. */
type Values = { readonly [Name in keyof Variables as FieldOf<Name>]: z.output<Variables[Name]> };

/** The checked configuration: `Values`, with defaults that depend on other variables filled in and files read. */
export interface Config
  extends Omit<
    Values,
    "basePath" | "demo" | "challengeKindsFile" | "apiKeysFile" | "maxSessionsPerKey" | "arrivalNoticesFile"
  > {
  readonly basePath: string;
  readonly demo: boolean;
  readonly maxSessionsPerKey: number;
  readonly customKinds: readonly ChallengeKind[];
  readonly arrivalChannels: readonly ArrivalChannel[];
  /** The PATH on which the server looks for a system Chromium. */
  readonly searchPath: string;
  /** The part of the environment that browsers inherit. It has none of the service's own settings and secrets. */
  readonly browserEnvironment: Readonly<Record<string, string>>;
}

const BROWSER_VARIABLES = ["PATH", "HOME", "USER", "LANG", "XDG_RUNTIME_DIR", "FONTCONFIG_PATH", "LD_LIBRARY_PATH"];

/** Configuration or arguments that cannot be used; one clear line for each problem. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }
}

/** The configuration of this process. Flags win over the environment, which wins over `.env`. Throws ConfigError. */
export function configFromProcess(argv: readonly string[]): Config {
  if (existsSync(".env")) loadEnvFile(".env");
  return loadConfig(process.env, argv);
}

/** The server's address and key for a command, from the same variables of the environment that bots use. */
export function serverFromProcess(): { readonly url: string | undefined; readonly key: string | undefined } {
  return { url: process.env["CAPTCHA_REMOTE_URL"], key: process.env["CAPTCHA_REMOTE_KEY"] };
}

/**
 * The configuration of a service inside another program. Options are named like the variables, in camelCase. The
 * environment only supplies what a browser needs. Throws ConfigError.
 */
export function configFromOptions(options: Readonly<Record<string, string | number | undefined>>): Config {
  const values = Object.entries(options).flatMap(([key, value]) => {
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
    if (!(name in ENVIRONMENT)) throw new ConfigError([`${key}: not an option`]);
    return value === undefined ? [] : [[name, String(value)]];
  });
  return loadConfig({
    ...pick(process.env, BROWSER_VARIABLES),
    DEMO: "off",
    WARM_BROWSERS: "0",
    ...Object.fromEntries(values),
  });
}

/** A frozen Config from environment variables and from flags with the same names in kebab-case. Throws ConfigError. */
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
  const fields = Object.fromEntries(Object.entries(parsed.data).map(([name, value]) => [fieldOf(name), value]));
  const {
    basePath,
    demo,
    dataDir,
    challengeKindsFile,
    arrivalNoticesFile,
    apiKeys,
    apiKeysFile,
    maxSessionsPerKey,
    ...values
  } = fields as unknown as Values;
  const { publicUrl, maxSessions } = values;
  return Object.freeze({
    ...values,
    basePath: basePath ?? (publicUrl ? new URL(publicUrl).pathname.replace(/\/$/, "") : ""),
    dataDir: resolve(dataDir),
    demo: demo ?? publicUrl === undefined,
    apiKeys: apiKeysFile ? [...apiKeys, ...readKeys(apiKeysFile, apiKeys)] : apiKeys,
    maxSessionsPerKey: maxSessionsPerKey ?? maxSessions,
    customKinds: challengeKindsFile ? readJson("CHALLENGE_KINDS_FILE", challengeKindsFile, challengeKindsSchema) : [],
    arrivalChannels: arrivalNoticesFile
      ? readJson("ARRIVAL_NOTICES_FILE", arrivalNoticesFile, arrivalChannelsSchema)
      : [],
    searchPath: env["PATH"] ?? "",
    // Without a locale of UTF-8 Chromium drops files whose names are not in plain English.
    browserEnvironment: { ...pick(env, BROWSER_VARIABLES), ...inLanguageOf(env), LC_CTYPE: "C.UTF-8" },
  });
}

/** LC_ALL is the language as well as the characters: browsers get the language alone. */
function inLanguageOf(env: NodeJS.ProcessEnv): Record<string, string> {
  const { LC_ALL: LANG } = pick(env, ["LC_ALL"]);
  return LANG === undefined ? {} : { LANG };
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

function readKeys(path: string, others: readonly ConfiguredKey[]): ConfiguredKey[] {
  try {
    const keys = parseKeySpecs(readFileSync(path, "utf8"), "\n");
    assertDistinct([...others, ...keys]);
    return keys;
  } catch (error) {
    throw new ConfigError([`API_KEYS_FILE: ${error instanceof Error ? error.message : error}`]);
  }
}

/** The content of a JSON file, checked. Throws ConfigError, with the variable's name, for a file that cannot be used. */
function readJson<Schema extends z.ZodType>(variable: string, path: string, schema: Schema): z.output<Schema> {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new ConfigError([`${variable}: ${why}`]);
  }
}
