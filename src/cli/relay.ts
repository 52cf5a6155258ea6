/** The command that lends a page of a browser on this machine to a server elsewhere. */
import { once } from "node:events";
import process from "node:process";
import { ConfigError, serverFromProcess } from "../config.ts";
import type { Relay, RelayOptions } from "../relay/index.ts";
import { type Command, takeOptions } from "./command.ts";

const OPTIONS = ["server", "cdp", "target", "url-contains", "dialogs", "windows"] as const;

export const relayCommand: Command = {
  usage: [["relay --server URL --cdp 9222", "lends a page of a browser here to a server elsewhere: docs/relay.md"]],
  async run(argv, write) {
    const { own, rest } = takeOptions(argv, OPTIONS);
    if (rest.some((word) => /^--key(=|$)/.test(word))) {
      throw new ConfigError(["--key: put the key into CAPTCHA_REMOTE_KEY, where no list of processes shows it."]);
    }
    if (rest[0] !== undefined) throw new ConfigError([`${rest[0]}: relay has no such argument`]);
    const given = serverFromProcess();
    const server = own.server ?? given.url;
    if (server === undefined) throw new ConfigError(["--server: the address of the server is missing"]);
    if (own.cdp === undefined) throw new ConfigError(["--cdp: the port or address of the browser is missing"]);
    const terms = {
      targetId: own.target,
      urlContains: own["url-contains"],
      dialogs: oneOf("dialogs", own.dialogs, ["bot", "operator"] as const),
      windows: oneOf("windows", own.windows, ["follow", "leave"] as const),
    };
    return lend(own.cdp, { server, key: given.key }, terms, write);
  },
};

async function lend(
  cdp: string,
  server: { readonly server: string; readonly key: string | undefined },
  terms: RelayOptions,
  write: (text: string) => void,
): Promise<number> {
  // Imported only for this command.
  const { RelayError, startRelay } = await import("../relay/index.ts");
  let shown = "";
  const show = (id: string) => {
    if (id === shown) return;
    shown = id;
    write(`${id}\n`);
  };
  const relay: Relay = await startRelay(cdp, server, {
    ...terms,
    // A server that was restarted gives another id.
    onLine: (isUp) => isUp && setImmediate(() => show(relay.id)),
  }).catch((error: unknown) => {
    throw error instanceof RelayError ? new ConfigError(error.message.split("\n")) : error;
  });
  show(relay.id);
  const interrupted = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]).then(() => relay.close());
  const why = await Promise.race([relay.closed, interrupted.then(() => relay.closed)]);
  if (why instanceof RelayError) throw new ConfigError([why.message]);
  return 0;
}

function oneOf<Word extends string>(name: string, given: string | undefined, words: readonly Word[]): Word | undefined {
  if (given === undefined) return undefined;
  const word = words.find((one) => one === given);
  if (word === undefined) throw new ConfigError([`--${name}: ${words.join(" or ")}`]);
  return word;
}
