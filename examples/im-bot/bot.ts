// A chat bot: answers every message once, comes back after drops, and where the chat server wants to see a person, asks one.
import console from "node:console";
import { CaptchaRemoteClient } from "../../src/sdk/index.ts"; // from "captcha-remote/sdk" in a project of yours
import { ChatLine } from "./chat-line.ts";
import { Clerk } from "./clerk.ts";
import { HEARTBEAT_MS, PATHS, SILENT_FOR_MS } from "./frames.ts";

const [chat = "http://127.0.0.1:3200", api = "http://127.0.0.1:3000"] = process.argv.slice(2);
const {
  CHAT_USER = "shop",
  CHAT_PASSWORD = "demo",
  CAPTCHA_REMOTE_KEY = "",
  PING_MS,
  SILENT_MS,
  RETRY_MS,
} = process.env;
const COOKIE = "chat_session";
const LOGIN_WITHIN_MS = 10_000;
/** A person may be at lunch; messages wait in the chat server meanwhile. */
const PERSON_WITHIN_SECONDS = 900;

const captcha = new CaptchaRemoteClient({ baseUrl: api, apiKey: CAPTCHA_REMOTE_KEY });
const clerk = new Clerk((text) => `You said: ${text}`);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

try {
  for (;;) await chatWith(await signIn());
} catch (error) {
  if (!stop.signal.aborted) throw error;
  console.log("Stopped.");
}

/** A token: by password or, where that is answered with a challenge, the one that the cleared challenge leaves. */
async function signIn(): Promise<string> {
  const response = await fetch(`${chat}/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: CHAT_USER, password: CHAT_PASSWORD }),
    signal: AbortSignal.any([stop.signal, AbortSignal.timeout(LOGIN_WITHIN_MS)]),
  });
  const answer = (await response.json()) as { token?: string; challenge_url?: string };
  if (answer.token !== undefined) return answer.token;
  if (answer.challenge_url !== undefined) return askPerson(answer.challenge_url);
  throw new Error(`The login was refused: ${response.status}.`);
}

/** Hands the challenge over, and takes the fresh cookie out of what the page had at the end. */
async function askPerson(url: string): Promise<string> {
  const result = await captcha.solve(
    {
      url,
      label: "im-bot",
      instructions: "Please clear the challenge of the chat server.",
      timeout_seconds: PERSON_WITHIN_SECONDS,
      completion: { any: [{ cookie: COOKIE, changed: true }] },
    },
    { signal: stop.signal, onLink: (link) => console.log(`Please clear it: ${link}`) },
  );
  const cookie = result.storage_state?.cookies.find(({ name }) => name === COOKIE);
  if (result.outcome !== "solved" || !cookie) throw new Error(`Nobody cleared it: ${result.reason}.`);
  return cookie.value;
}

/** Answers messages until the token is stale. Throws when the server stays away, or refuses even a fresh token. */
async function chatWith(token: string): Promise<void> {
  stop.signal.throwIfAborted();
  const soon = RETRY_MS ? { firstMs: Number(RETRY_MS), longestMs: 2 * Number(RETRY_MS) } : {};
  const line = new ChatLine(token, {
    url: `${chat.replace("http", "ws")}/chat`,
    pingEveryMs: Number(PING_MS ?? HEARTBEAT_MS),
    silentForMs: Number(SILENT_MS ?? SILENT_FOR_MS),
    retries: { network: soon, closed: soon, server: soon },
  });
  let wasIn = false;
  line.on("message", (frame) => {
    const next = clerk.next(frame);
    if (next) line.send(next);
  });
  await new Promise<void>((resolve, reject) => {
    const leave = () => line.close();
    stop.signal.addEventListener("abort", leave, { once: true });
    line.on("state", (state) => {
      if (state.name === "CONNECTED") {
        wasIn = true;
        console.log("Connected.");
        line.send({ lwp: PATHS.sync, headers: { mid: "sync" } });
      } else if (state.name === "RECONNECTING" && state.retryAt !== null) {
        console.log(`Lost the line (${state.loss}), trying again.`);
      } else if (state.name === "FAILED" || state.name === "CLOSED") {
        stop.signal.removeEventListener("abort", leave);
        const isStale = state.name === "FAILED" && state.loss === "authentication";
        if (isStale && wasIn) resolve();
        else reject(new Error(`The chat server does not let the bot in: close code ${state.code}.`));
      }
    });
    line.open();
  });
  console.log("The token is stale.");
}
