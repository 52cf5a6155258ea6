/** The tools over stdio: a thin proxy to a server's REST API, with the key of the environment. */
import { hkdfSync, randomBytes } from "node:crypto";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { MAX_WAIT_SECONDS } from "../protocol/rest.ts";
import { VERSION } from "../protocol/version.ts";
import { Api, ApiRefusal, type SendRequest } from "./api.ts";
import { humanTools } from "./human-tools.ts";
import { RequestStates, type StateKeys } from "./request-state.ts";

/** Longer than the longest wait for a person, and than any page takes to open. */
const DEADLINE_MS = (MAX_WAIT_SECONDS + 15) * 1_000;
const SECRET_BYTES = 32;
const KID = "key";

export interface McpServerAddress {
  /** The API's address, without a slash at its end. */
  readonly api: URL;
  readonly key: string | undefined;
}

/** Serves on stdin and stdout until stdin ends. `onError` hears of what the protocol refuses. */
export function serveHumanTools(address: McpServerAddress, onError: (error: Error) => void): void {
  const api = new Api(senderTo(address));
  const states = new RequestStates(stateKeysOf(address.key), "stdio");
  serveStdio(({ era }) => humanTools({ api, states, comesAgain: era === "modern", version: VERSION }), {
    onerror: onError,
  });
}

function senderTo({ api, key }: McpServerAddress): SendRequest {
  return async ({ method, path, body, signal }) => {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    const headers = {
      accept: "application/json",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    };
    const response = await fetch(`${api.href}${path}`, {
      method,
      headers,
      // The key goes to the named server only.
      redirect: "manual",
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      if (signal?.aborted) throw error;
      throw new ApiRefusal("server_unreachable", `The server at ${api.origin} does not answer.`);
    });
    return { status: response.status, body: await response.json().catch(() => null) };
  };
}

/** The key signs the states, so that a program that is started again takes them; without a key they end with it. */
function stateKeysOf(key: string | undefined): StateKeys {
  const secret =
    key === undefined
      ? randomBytes(SECRET_BYTES)
      : new Uint8Array(hkdfSync("sha256", key, "", "captcha-remote mcp stdio requestState", SECRET_BYTES));
  const current = { kid: KID, secret };
  return { current, find: (kid) => (kid === KID ? current : undefined) };
}
