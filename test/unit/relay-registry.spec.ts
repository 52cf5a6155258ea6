/** [W57] The relays of a server that was started anew: only the bot that had a relay gets it again. */
import { expect, test } from "@playwright/test";
import { RelayRegistry } from "../../src/browser/relay/relay-registry.ts";
import { relayHelloSchema } from "../../src/protocol/relay.ts";
import type { RelayEnd } from "../../src/session/ports/relays.ts";

const PAGE = "8A6F";
const RELAY = "A".repeat(22);
const SECRET = "s".repeat(43);
const AWAITED = { relay: RELAY, secret: SECRET, owner: "key-1", targetId: PAGE };
const SOCKET = { send: () => {}, ping: () => {}, close: () => {} };

function registry(): RelayRegistry {
  return new RelayRegistry({ maxRelays: 10, maxMessageBytes: 65_536 });
}

interface Given {
  readonly again?: object;
  readonly target?: string;
  readonly owner?: string;
  readonly onEnd?: (reason: RelayEnd) => void;
}

/** What a bot that dials is welcomed with. */
function dialled(relays: RelayRegistry, { again, target = PAGE, owner = "key-1", onEnd = () => {} }: Given = {}) {
  const hello = relayHelloSchema.parse({ type: "hello", version: 1, target_id: target, ...(again && { again }) });
  return relays.begin(hello, { owner, onEnd }, SOCKET).welcome;
}

test("[W57] the bot that had the relay gets it again, and its session goes on", async () => {
  const relays = registry();
  const back = relays.whenBack(AWAITED, new AbortController().signal);
  expect(dialled(relays, { again: { relay: RELAY, secret: SECRET } })).toMatchObject({ relay: RELAY, secret: SECRET });
  await back;
  expect(relays.find(RELAY, "key-1").hello.target_id).toBe(PAGE);
  // It is there already: whoever says the same is another bot.
  expect(dialled(relays, { again: { relay: RELAY, secret: SECRET } }).relay).not.toBe(RELAY);
  relays.close();
});

test("[W57] no other secret, key, page or relay gets it, and nobody once the session is over", async () => {
  const relays = registry();
  const over = new AbortController();
  const back = relays.whenBack(AWAITED, over.signal);
  const own = { relay: RELAY, secret: SECRET };
  for (const given of [
    {},
    { again: { relay: RELAY, secret: "t".repeat(43) } },
    { again: { relay: RELAY, secret: "" } },
    { again: { relay: "B".repeat(22), secret: SECRET } },
    { again: own, owner: "key-2" },
    { again: own, target: "9B70" },
  ]) {
    const { relay, secret } = dialled(relays, given);
    expect(relay, JSON.stringify(given)).not.toBe(RELAY);
    expect(secret).not.toBe(SECRET);
  }
  over.abort();
  await expect(back).rejects.toMatchObject({ code: "browser_lost" });
  expect(dialled(relays, { again: own }).relay).not.toBe(RELAY);
  relays.close();
});

test("[W57] a relay that came back ends like any other", () => {
  const relays = registry();
  void relays.whenBack(AWAITED, new AbortController().signal);
  const ends: RelayEnd[] = [];
  dialled(relays, { again: { relay: RELAY, secret: SECRET }, onEnd: (reason) => ends.push(reason) });
  relays.close();
  expect(ends).toEqual(["shutting_down"]);
  expect(relays.size).toBe(0);
});
