/** The stories of the soak. Each is one session from creation to end, as its bot and its operator see it. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { OperatorConnection } from "../../src/client/operator-connection.ts";
import type { SessionResult } from "../../src/protocol/rest.ts";
import type { CaptchaRemoteClient } from "../../src/sdk/client.ts";
import type { SoakSite } from "./site.ts";

/** Time after which an operator tries again if nothing has happened. */
const HAND_PAUSE_MS = 700;
const STORY_DEADLINE_MS = 120_000;
const SHORT_LIFE_SECONDS = 4;

export type StoryName = "solved" | "cancelled" | "expired" | "crashed" | "reopened";

export interface Story {
  readonly name: StoryName;
  readonly sessionId: string;
  readonly result: SessionResult;
  readonly isAsExpected: boolean;
}

export interface Stage {
  readonly client: CaptchaRemoteClient;
  readonly site: SoakSite;
  readonly dataDir: string;
  /** A new name for the next session. */
  readonly nextName: () => string;
  /** 0 to 1 */
  readonly random: () => number;
}

/** The weight of each story, of 100. */
const SHARES: readonly (readonly [StoryName, number])[] = [
  ["solved", 60],
  ["cancelled", 15],
  ["expired", 8],
  ["crashed", 9],
  ["reopened", 8],
];

/** The valid ends of each story. A server that is killed may find a crashed browser before it can report it, or end in between. */
const EXPECTED: Readonly<Record<StoryName, readonly string[]>> = {
  solved: ["rules_met"],
  cancelled: ["cancelled_by_bot"],
  expired: ["timeout"],
  crashed: ["browser_lost"],
  reopened: ["rules_met"],
};

export function drawStory(random: () => number): StoryName {
  let left = random() * 100;
  for (const [name, share] of SHARES) {
    left -= share;
    if (left < 0) return name;
  }
  return "solved";
}

/** Runs one story. Rejects if the bot does not learn of the session's end. */
export async function tell(name: StoryName, stage: Stage): Promise<Story> {
  const { client, site, dataDir } = stage;
  const title = stage.nextName();
  const session = await client.create({
    url: site.pageFor(title),
    label: name,
    callback_url: site.hookUrl,
    ...(name === "expired" ? { timeout_seconds: SHORT_LIFE_SECONDS } : {}),
    ...(name === "reopened" ? { on_crash: "reopen" as const } : {}),
  });
  const ended = client.waitUntilDone(session.session_id, { timeoutMs: STORY_DEADLINE_MS });
  ended.catch(() => {});
  const person = new Hand(session.control_url);
  try {
    if (name === "crashed" || name === "reopened") {
      await delay(300 + stage.random() * 1_000);
      killBrowser(`${dataDir}/profiles/${session.session_id}`);
    }
    if (name === "cancelled") {
      await delay(stage.random() * 1_000);
      await client.cancel(session.session_id);
    }
    if (name === "solved" || name === "reopened") await person.clear(() => site.answerOf(title), ended);
    const result = await ended;
    return { name, sessionId: session.session_id, result, isAsExpected: EXPECTED[name].includes(result.reason) };
  } finally {
    person.leave();
  }
}

/** A scripted operator on the console's own connection. It presses at the position that the page reports. */
class Hand {
  readonly #line: OperatorConnection;

  constructor(link: string) {
    this.#line = new OperatorConnection({ link });
    this.#line.on("message", (message) => {
      if (message.type === "session_info" && "seq" in message && message.seq > 0) {
        this.#line.send({ type: "ack", seq: message.seq });
      }
    });
    this.#line.open();
  }

  /** Resolves when the session has ended. */
  async clear(answer: () => { x: number; y: number } | undefined, ended: Promise<unknown>): Promise<void> {
    let isOver = false;
    ended
      .finally(() => {
        isOver = true;
      })
      .catch(() => {});
    while (!isOver) {
      const at = answer();
      if (at && this.#line.state.name === "CONNECTED") {
        this.#line.send({ type: "mouse_event", event_type: "move", ...at });
        this.#line.send({ type: "mouse_event", event_type: "down", ...at, button: "left", buttons: 1 });
        this.#line.send({ type: "mouse_event", event_type: "up", ...at, button: "left", buttons: 0 });
      }
      await Promise.race([delay(HAND_PAUSE_MS), ended.catch(() => {})]);
    }
  }

  leave(): void {
    this.#line.close();
  }
}

/** Kills all processes of one profile at once. */
function killBrowser(profile: string): void {
  for (const pid of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(profile)) process.kill(Number(pid), "SIGKILL");
    } catch {
      // Gone already.
    }
  }
}
