/** The server that a command talks to, over the API: on this machine, or wherever CAPTCHA_REMOTE_URL says. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, configFromProcess, serverFromProcess } from "../config.ts";
import { CaptchaRemoteError } from "../sdk/errors.ts";
import { Http } from "../sdk/http.ts";
import { takeOptions } from "./command.ts";

const DEADLINE_MS = 15_000;
/** Left by a server that made its first key by itself. */
const FIRST_KEY_FILE = "first-key";

export const REMOTE_OPTIONS = ["url", "key"] as const;

/** Asks the server; what it refuses becomes a sentence, and the exit code 1. */
export async function askServer(argv: readonly string[], ask: (http: Http) => Promise<string>): Promise<string> {
  const { own, rest } = takeOptions(argv, REMOTE_OPTIONS);
  const { publicUrl, host, port, basePath, dataDir } = configFromProcess(rest);
  const given = serverFromProcess();
  const baseUrl =
    own.url ?? given.url ?? publicUrl ?? `http://${host.includes(":") ? `[${host}]` : host}:${port}${basePath}`;
  const apiKey = own.key ?? given.key ?? firstKey(dataDir);
  try {
    return await ask(new Http({ baseUrl, timeoutMs: DEADLINE_MS, ...(apiKey ? { apiKey } : {}) }));
  } catch (error) {
    if (error instanceof CaptchaRemoteError) throw new ConfigError([sentenceOf(error, apiKey)]);
    if (error instanceof TypeError) throw new ConfigError([`--url: ${baseUrl} is no address`]);
    throw error;
  }
}

function firstKey(dataDir: string): string | undefined {
  const path = join(dataDir, FIRST_KEY_FILE);
  return existsSync(path) ? readFileSync(path, "utf8").trim() : undefined;
}

function sentenceOf({ code, message, details }: CaptchaRemoteError, apiKey: string | undefined): string {
  const missing = code === "unauthorized" && !apiKey ? " Put one into CAPTCHA_REMOTE_KEY, or give --key." : "";
  const facts = details ? ` ${JSON.stringify(details)}` : "";
  return `${code}: ${message}${missing}${facts}`;
}
