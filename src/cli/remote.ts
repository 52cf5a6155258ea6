/** Requests of commands to a server's API: on this machine, or at CAPTCHA_REMOTE_URL. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, configFromProcess, serverFromProcess } from "../config.ts";
import { API_PREFIX } from "../protocol/api-prefix.ts";
import { takeOptions } from "./command.ts";

const DEADLINE_MS = 15_000;
/** File in DATA_DIR that has the first key, if the server has made one. */
const FIRST_KEY_FILE = "first-key";

/** Sends a request to a path below the API and resolves with the JSON answer. Rejects with a ConfigError that has the server's refusal as a sentence. */
export type Ask = <Answer>(method: "GET" | "DELETE", path: string) => Promise<Answer>;

/** Where the API is, without a slash at its end, and the key for it. */
export interface ServerAddress {
  readonly api: URL;
  readonly key: string | undefined;
}

/** Finds a server as addressOf() does, to ask it. Throws ConfigError. */
export function serverOf(argv: readonly string[]): Ask {
  const { api, key } = addressOf(argv);
  return (method, path) => ask(method, `${api.href}${path}`, key);
}

/** Finds the server's address and the key in --url and --key, the environment and the configuration. Throws ConfigError. */
export function addressOf(argv: readonly string[]): ServerAddress {
  const { own, rest } = takeOptions(argv, ["url", "key"]);
  const { publicUrl, host, port, basePath, dataDir } = configFromProcess(rest);
  const given = serverFromProcess();
  const listening = `http://${host.includes(":") ? `[${host}]` : host}:${port}${basePath}`;
  const baseUrl = own.url ?? given.url ?? publicUrl ?? listening;
  const server = baseUrl.replace(/\/*$/, "");
  const api = URL.parse(server.endsWith(API_PREFIX) ? server : server + API_PREFIX);
  if (api === null) throw new ConfigError([`--url: ${baseUrl} is no address`]);
  return { api, key: own.key ?? given.key ?? firstKey(dataDir) };
}

async function ask<Answer>(method: string, url: string, key: string | undefined): Promise<Answer> {
  const headers = { accept: "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) };
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const response = await fetch(url, { method, headers, signal, redirect: "manual" }).catch((cause: unknown) => {
    throw new ConfigError([`server_unreachable: ${new URL(url).origin} does not answer (${reasonOf(cause)})`]);
  });
  const body = (await response.json().catch(() => null)) as {
    error?: { code: string; message: string; details: unknown };
  } | null;
  if (response.ok && body !== null) return body as Answer;
  if (!body?.error) throw new ConfigError([`What answers at ${new URL(url).origin} is no captcha-remote server.`]);
  const { code, message, details } = body.error;
  const missing = code === "unauthorized" && !key ? " Put one into CAPTCHA_REMOTE_KEY, or give --key." : "";
  throw new ConfigError([`${code}: ${message}${missing}${details ? ` ${JSON.stringify(details)}` : ""}`]);
}

function firstKey(dataDir: string): string | undefined {
  const path = join(dataDir, FIRST_KEY_FILE);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

/** The reason of a failed fetch, which `fetch` hides in the error's cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
