/** [M3] The `requestState` of a call: signed, and bound to the caller's key, the tool with its arguments, and a time. */
import { createHash } from "node:crypto";
import { createRequestStateCodec, type ServerContext } from "@modelcontextprotocol/server";
import { z } from "zod";

/** As long as a session may live by default: a person may leave a client's question open that long. */
const LIFETIME_SECONDS = 3_600;
/** Between the secret's id and the signed value; neither has it. */
const SEPARATOR = "~";

export interface StateKey {
  readonly kid: string;
  /** 32 bytes or more */
  readonly secret: Uint8Array;
}

/** The secrets that sign states, by id. */
export interface StateKeys {
  readonly current: StateKey;
  find(kid: string): StateKey | undefined;
}

const stateSchema = z.object({
  session_id: z.string(),
  /** The call that the state belongs to. */
  call: z.string(),
  /** How often the call was answered with a state so far. */
  round: z.int().min(1),
});
export type CallState = z.infer<typeof stateSchema>;

/** What a state belongs to: the tool and its arguments, so that no other call can go on with it. */
export function callOf(tool: string, args: object): string {
  return createHash("sha256")
    .update(JSON.stringify([tool, args]))
    .digest("base64url");
}

export class RequestStates {
  readonly #keys: StateKeys;
  readonly #who: string;

  /** `who` is the caller's name: a state of one caller is void for another. */
  constructor(keys: StateKeys, who: string) {
    this.#keys = keys;
    this.#who = who;
  }

  async mint(state: CallState, context: ServerContext): Promise<string> {
    const { kid, secret } = this.#keys.current;
    return `${kid}${SEPARATOR}${await this.#codec(secret).mint(state, context)}`;
  }

  /** Throws an Error for a state that is forged, expired, or of another caller. The SDK answers -32602 then. */
  async verify(text: string, context: ServerContext): Promise<CallState> {
    const at = text.indexOf(SEPARATOR);
    const key = at > 0 ? this.#keys.find(text.slice(0, at)) : undefined;
    if (!key) throw new Error("signed by no known key");
    return stateSchema.parse(await this.#codec(key.secret).verify(text.slice(at + 1), context));
  }

  #codec(key: Uint8Array) {
    return createRequestStateCodec<unknown>({ key, ttlSeconds: LIFETIME_SECONDS, bind: () => this.#who });
  }
}
