// What the console believes about its session after each message and each change of the connection.
import { expect, test } from "@playwright/test";
import { connectionSentences, logSentences } from "../../public/console/session/log-sentences.js";
import {
  mayAct,
  maySay,
  newModel,
  phaseOf,
  timeLeft,
  withConnection,
  withMessage,
} from "../../public/console/session/session-model.js";
import { setLanguage } from "../../public/console/shared/i18n.js";
import {
  CLIENT_MESSAGE_TYPES,
  type ClientMessage,
  type ServerMessage,
  WATCHER_MESSAGES,
} from "../../src/protocol/live.ts";

const NOW = Date.parse("2030-01-01T00:00:00Z");
const OPEN = { name: "CONNECTED" } as const;
const LOST = { name: "RECONNECTING", attempt: 1, retryAt: NOW + 500, code: 1006, loss: "network" } as const;
const TRYING = { ...LOST, retryAt: null } as const;

const info: Extract<ServerMessage, { type: "session_info" }> = {
  type: "session_info",
  session_id: "s",
  screenshot: null,
  captcha_info: null,
  viewport: { width: 1280, height: 720 },
  view: { x: 0, y: 0, width: 1280, height: 720 },
  state: "active",
  role: "control",
  instructions: null,
  label: null,
  expires_at: "2030-01-01T00:02:00Z",
  seq: 0,
};
const ended = { type: "session_state", state: "expired", reason: "timeout", expires_at: info.expires_at } as const;
const live = withMessage(withConnection(newModel(), OPEN), info, NOW);

test("phases: connecting, starting, live, reconnecting, live again", () => {
  expect(phaseOf(newModel())).toBe("connecting");
  expect(phaseOf(withConnection(newModel(), OPEN))).toBe("connecting");
  expect(phaseOf(withMessage(withConnection(newModel(), OPEN), { ...info, state: "starting" }, NOW))).toBe("starting");
  expect(phaseOf(live)).toBe("live");
  const lost = withConnection(live, LOST);
  expect(phaseOf(lost)).toBe("reconnecting");
  expect(phaseOf(withConnection(lost, TRYING))).toBe("reconnecting");
  expect(phaseOf(withConnection(newModel(), TRYING))).toBe("reconnecting");
  expect(phaseOf(withConnection(lost, OPEN))).toBe("reconnecting");
  expect(phaseOf(withMessage(withConnection(lost, OPEN), info, NOW))).toBe("live");
});

test("[W16] who may act: the holder, or anybody while nobody holds it; never a watcher, never without a connection", () => {
  const control = (holder: string | null, you: boolean) =>
    withMessage(live, { type: "control", holder, you } as const, NOW);
  expect(mayAct(live)).toBe(true);
  expect(mayAct(control("a", true))).toBe(true);
  expect(mayAct(control("b", false))).toBe(false);
  expect(mayAct(control(null, false))).toBe(true);
  expect(mayAct(withMessage(live, { ...info, role: "watch" }, NOW))).toBe(false);
  expect(mayAct(withConnection(live, LOST))).toBe(false);
});

test("[W3] a link for watching has nothing to say but that it watches", () => {
  const watching = withMessage(live, { ...info, role: "watch" }, NOW);
  const said = CLIENT_MESSAGE_TYPES as ClientMessage["type"][];
  expect(said.filter((type) => maySay(watching, type)).sort()).toEqual(["ack", "ping", "pong", "view"]);
  expect(said.filter((type) => !maySay(live, type))).toEqual([]);
  for (const type of said.filter((one) => maySay(watching, one))) expect(WATCHER_MESSAGES).toContain(type);
});

test("[S4] the first end stands, and keeps its reason through the close of the connection", () => {
  const over = withConnection(withMessage(live, ended, NOW), { name: "CLOSED", code: 4410 });
  expect(phaseOf(over)).toBe("ended");
  expect(over.end).toEqual({ outcome: "expired", reason: "timeout", verified: null });
  const late = withMessage(over, { type: "completed", message: "", verified: "checked" }, NOW);
  expect(late.end?.outcome).toBe("expired");
});

test("[S2] solved knows how it was verified, also when the state was told first", () => {
  const told = withMessage(live, { ...ended, state: "solved", reason: "rules_met" }, NOW);
  const completed = { type: "completed", message: "", verified: "checked" } as const;
  expect(withMessage(told, completed, NOW).end).toEqual({
    outcome: "solved",
    reason: "rules_met",
    verified: "checked",
  });
  expect(withMessage(live, completed, NOW).end).toEqual({ outcome: "solved", reason: null, verified: "checked" });
});

test("[W2] an unknown and an ended session are told apart", () => {
  const refused = (code: string, close: number, details: Record<string, unknown> | null = null) =>
    withConnection(withMessage(withConnection(newModel(), OPEN), { type: "error", code, message: "", details }, NOW), {
      ...(close === 4410 ? { name: "CLOSED" } : { name: "FAILED", loss: "refused" }),
      code: close,
    }).end;
  expect(refused("session_not_found", 4404)?.outcome).toBe("not_found");
  expect(refused("unauthorized", 4401)?.outcome).toBe("refused");
  expect(refused("session_ended", 4410)).toEqual({ outcome: "ended", reason: "session_ended", verified: null });
  expect(refused("session_ended", 4410, { state: "solved", verified: "operator" })).toEqual({
    outcome: "solved",
    reason: null,
    verified: "operator",
  });
});

test("time left is counted on the server's clock, not on this machine's", () => {
  expect(timeLeft(newModel(), NOW)).toBeNull();
  expect(timeLeft(live, NOW)).toBe(120_000);
  const skewed = withMessage(live, { ...info, timestamp: NOW + 30_000 }, NOW);
  expect(timeLeft(skewed, NOW + 1_000)).toBe(89_000);
});

test("[W32] the server's warning brings the deadline, and says from when on little time is left", () => {
  const warning = { type: "expiring", expires_at: "2030-01-01T00:00:20Z", seconds_left: 20 } as const;
  const warned = withMessage(live, warning, NOW);
  expect([timeLeft(warned, NOW), warned.warnedAt, live.warnedAt]).toEqual([20_000, 20_000, 0]);
});

test("[S6] [S7] the log tells what is left, where that is another: not a clock that was set, nor a few seconds more", async () => {
  await setLanguage("en");
  const say = (expires_at: string, timestamp: number) => {
    const message = { type: "session_state", state: "active", reason: null, expires_at, timestamp } as const;
    return logSentences(live, withMessage(live, message, NOW), message, NOW).map((sentence) => sentence());
  };
  expect(say("2030-01-01T01:02:00Z", NOW + 3_600_000)).toEqual([]);
  expect(say("2030-01-01T00:02:05Z", NOW)).toEqual([]);
  expect(say("2030-01-01T00:03:00Z", NOW)).toEqual(["Time left is now 3:00."]);
});

test("types that a newer server adds change nothing", () => {
  const strange = { type: "news" } as unknown as ServerMessage;
  expect(withMessage(live, strange, NOW)).toEqual(live);
  expect(logSentences(live, live, strange, NOW)).toEqual([]);
});

test("the log tells a thing once, in the reader's language", async () => {
  const say = (before: typeof live, message: ServerMessage) =>
    logSentences(before, withMessage(before, message, NOW), message, NOW).map((sentence) => sentence());
  await setLanguage("en");
  expect(say(withConnection(newModel(), OPEN), info)[0]).toBe("Connected to the session.");
  expect(say(live, info)).toEqual([]);
  const box = { selector: "#c", x: 20, y: 20, width: 200, height: 100, in_iframe: false, kind: "generic" };
  const found = { ...info, captcha_info: box, view: { x: 10, y: 10, width: 220, height: 120 } };
  expect(say(live, found)).toEqual(["The challenge is in the picture."]);
  const withBox = withMessage(live, found, NOW);
  const moved = { ...found, captcha_info: { ...box, y: 40 }, view: { ...found.view, y: 30 } };
  expect(say(withBox, moved)).toEqual(["The challenge moved; the picture follows."]);
  // What somebody switched by hand is no news, nor is what moves inside of the whole page.
  expect(say(withBox, { ...found, view: info.view })).toEqual([]);
  expect(say(withMessage(withBox, { ...found, view: info.view }, NOW), { ...moved, view: info.view })).toEqual([]);
  expect(say(withBox, info)).toEqual(["No challenge in sight: the picture shows the whole page."]);
  expect(say(live, { type: "dialog", kind: "alert", message: "Hi", answer: "accepted" })).toEqual([
    "The page said: “Hi”",
  ]);
  expect(say(live, { ...ended, expires_at: "2030-01-01T00:03:00Z", state: "active", reason: null })).toEqual([
    "Time left is now 3:00.",
  ]);
  expect(say(live, ended)).toHaveLength(1);
  expect(say(withMessage(live, ended, NOW), { type: "error", code: "timeout", message: "", details: null })).toEqual(
    [],
  );
  expect(connectionSentences(live, withConnection(live, LOST))).toHaveLength(1);
  const lost = connectionSentences(live, withConnection(live, LOST))[0];
  await setLanguage("zh");
  expect(lost?.()).toBe("连接已断开。");
  await setLanguage("en");
});

test("[W33] the page moved on: asked once for each time, also after a lost connection, until a challenge shows again", async () => {
  await setLanguage("en");
  const at = "2030-01-01T00:00:30.000Z";
  const box = { selector: "#c", x: 0, y: 0, width: 10, height: 10, in_iframe: false, kind: "generic" };
  const asked = withMessage(live, { type: "moved_on", at }, NOW);
  expect(live.movedOnAt).toBeNull();
  expect(asked.movedOnAt).toBe(at);
  const said = (before: typeof live, message: ServerMessage) =>
    logSentences(before, withMessage(before, message, NOW), message, NOW).map((sentence) => sentence());
  expect(said(live, { type: "moved_on", at })).toEqual(["The page went on. Is it done?"]);
  // The server says it again to a console that is back: that is not another time.
  expect(said(asked, { type: "moved_on", at })).toEqual([]);
  expect(said(asked, { type: "moved_on", at: null })).toEqual([]);

  expect(withMessage(asked, { type: "moved_on", at: null }, NOW).movedOnAt).toBeNull();
  expect(withMessage(asked, { ...info, captcha_info: box }, NOW).movedOnAt).toBe(at);
  const back = withConnection(withConnection(asked, LOST), OPEN);
  expect(withMessage(back, info, NOW).movedOnAt).toBe(at);
  expect(withMessage(back, { ...info, captcha_info: box }, NOW).movedOnAt).toBeNull();
});
