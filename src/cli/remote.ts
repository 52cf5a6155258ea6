/** The server that a command talks to, over the API: on this machine, or wherever CAPTCHA_REMOTE_URL says. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, configFromProcess, serverFromProcess } from "../config.ts";
import { API_PREFIX } from "../protocol/api-prefix.ts";
import { takeOptions } from "./command.ts";

const DEADLINE_MS = 15_000;
/** Left by a server that made its first key by itself. */
const FIRST_KEY_FILE = "first-key";

/** Asks the server for JSON, below its API. Throws ConfigError with what it has refused, as a sentence. */
export type Ask = <Answer>(method: "GET" | "DELETE", path: string) => Promise<Answer>;

/** Takes where the server is, and as whom it is asked, out of the arguments and the environment. */
export function serverOf(argv: readonly string[]): Ask {
  const { own, rest } = takeOptions(argv, ["url", "key"]);
  const { publicUrl, host, port, basePath, dataDir } = configFromProcess(rest);
  const given = serverFromProcess();
  const listening = `http://${host.includes(":") ? `[${host}]` : host}:${port}${basePath}`;
  const baseUrl = own.url ?? given.url ?? publicUrl ?? listening;
  const server = baseUrl.replace(/\/*$/, "");
  const api = URL.parse(server.endsWith(API_PREFIX) ? server : server + API_PREFIX);
  if (api === null) throw new ConfigError([`--url: ${baseUrl} is no address`]);
  const key = own.key ?? given.key ?? firstKey(dataDir);
  return (method, path) => ask(method, `${api.href}${path}`, key);
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

/** fetch hides it. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
