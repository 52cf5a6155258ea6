// One session on the screen: wires the line, the picture, the hand and the words together.

import { socketUrl } from "../../../src/client/console-url.ts";
import { OperatorConnection } from "../../../src/client/operator-connection.ts";
import { decodeFrame } from "../../../src/client/picture-frame.ts";
import { bearersFor, isOpenToAll, ticketsFor } from "../shared/credentials.js";
import { part, say } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";
import { countdown } from "../shared/time-format.js";
import { Ending } from "./end-card.js";
import { Finish } from "./finish-controls.js";
import { KeyInput } from "./keyboard-input.js";
import { Pill } from "./link-quality-badge.js";
import { Log } from "./log-panel.js";
import { narrate, narrateLine } from "./log-sentences.js";
import { PointerInput } from "./pointer-input.js";
import { Screen } from "./screen.js";
import { mayAct, maySay, newModel, phaseOf, withLine, withMessage } from "./session-model.js";
import { EXTEND_SECONDS, Status } from "./status-bar.js";
import { wireTyping } from "./text-box.js";
import { Notice } from "./toast.js";
import { ViewWish } from "./view-request.js";
import { ViewSwitch } from "./view-switch.js";
import { WheelInput } from "./wheel-input.js";

/** @import { ClientMessage, ServerMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("../../../src/client/operator-connection.ts").ConnectionState} ConnectionState */

/** Notices of a page that cannot be acted on, and that it can be again. @type {ReadonlySet<string>} */
const STANDSTILLS = new Set(["page_not_visible", "page_unresponsive", "dialog_open", "page_reopening"]);
/** @type {ReadonlySet<string>} */
const GOING_ON = new Set(["page_visible", "page_responsive", "page_reopened"]);
/** As in the contract's `text` message; longer pastes are cut, and the log says so. */
const MOST_TEXT = 10_000;
/** Countdowns change once a second; looking more often keeps them in step with the clock on the wall. */
const TICK_MS = 250;
/** After the end the server closes the line itself, once everything is said. */
const GOODBYE_MS = 2_000;

/**
 * @param {import("../../../src/client/console-url.ts").ConsoleUrl} consoleUrl
 * @returns {{ translate: () => void }}
 */
export function startSession(consoleUrl) {
  let model = newModel();
  const canvas = part("screen", HTMLCanvasElement);
  const hint = part("screen-hint", HTMLElement);
  const status = new Status(consoleUrl.sessionId);
  const ending = new Ending(consoleUrl);
  const log = new Log(part("log", HTMLElement), part("log-latest", HTMLElement), part("announcer", HTMLElement));

  const isKnown = isOpenToAll() || bearersFor(consoleUrl).length > 0;
  const connection = new OperatorConnection({
    url: socketUrl(consoleUrl, location),
    ticket: ticketsFor(consoleUrl),
    profile: "operator",
    // A ticket may have grown old on a slow line: the next one says at once whether what it was traded for is still good.
    retries: { authentication: { atOnce: true, tries: isKnown ? 1 : 0 } },
  });
  connection.on("state", onLine);
  connection.on("message", onMessage);
  connection.on("binary", onBinary);
  /** Whether it went out, or will once the line is back. @param {ClientMessage} message */
  const send = (message) => maySay(model, message.type) && connection.send(message) !== "dropped";
  const port = { send, sendText, mayAct: () => mayAct(model), onPress: takeFreeControl };
  const screen = new Screen(canvas, part("well", HTMLElement), {
    onShown,
    onDamaged,
    isPressed: () => pointer.isDown,
    onRoom: () => wish.tell(),
  });
  const wish = new ViewWish({ send, scaleFor: (view) => screen.densityFor(view) });
  const viewSwitch = new ViewSwitch({ mode: () => wish.mode, choose: chooseView, isBusy: () => pointer.isDown });
  const pill = new Pill(send);
  const pointer = new PointerInput(canvas, {
    ...port,
    pageAt: (event) => screen.pageAt(event),
    seq: () => screen.shown?.seq,
    onPinch: (direction) => viewSwitch.pinched(direction),
  });
  const wheel = new WheelInput(canvas, { ...port, pageAt: (event) => screen.pageAt(event) });
  const keys = new KeyInput(canvas, port);
  const notice = new Notice();
  const finish = new Finish({ send, tell: (sentence) => log.add(sentence), notice });
  /** The deadline when more time was asked for; null when no answer is due. @type {number | null} */
  let extending = null;
  let hasToldDamaged = false;

  wireTyping(
    {
      form: part("typing", HTMLFormElement),
      field: part("text-input", HTMLInputElement),
      keys: part("keys", HTMLElement),
    },
    port,
  );
  part("take-control", HTMLButtonElement).addEventListener("click", () => send({ type: "take_control" }));
  part("extend", HTMLButtonElement).addEventListener("click", extend);
  part("retry", HTMLButtonElement).addEventListener("click", () => connection.retry());
  // `pageshow`: gone back to, a page goes on where it was, with a line that its browser has closed.
  for (const sign of ["online", "pageshow"]) addEventListener(sign, () => connection.wake());
  document.addEventListener("visibilitychange", () => !document.hidden && connection.wake());
  canvas.addEventListener("focus", renderHint);
  canvas.addEventListener("blur", renderHint);
  setInterval(tick, TICK_MS);

  render();
  connection.open();
  return {
    translate() {
      log.translate();
      pill.translate();
      render();
    },
  };

  /** @param {ConnectionState} line */
  function onLine(line) {
    const before = model;
    model = withLine(model, line);
    for (const sentence of narrateLine(before, model)) log.add(sentence);
    if (line.name !== "CONNECTED") {
      letGo();
      screen.forget();
      finish.settle();
      wish.forget();
      pill.reset();
    }
    render();
  }

  /** @param {ServerMessage & { timestamp?: number, reply_to?: string | number }} message */
  function onMessage(message) {
    const before = model;
    const now = Date.now();
    const could = mayAct(before);
    model = withMessage(model, message, now);
    if (message.type === "screenshot_update") {
      const { screenshot: jpeg, view, seq, kind } = message;
      screen.offer({ jpeg, view, seq, kind });
      return; // nothing else changes, up to 60 times a second
    }
    if (message.type === "pong") {
      pill.answered(message.reply_to);
      return;
    }
    if (message.type === "session_info") {
      const { screenshot: jpeg, view, seq } = message;
      screen.expect(message.viewport, view);
      if (jpeg) screen.offer({ jpeg, view, seq: seq || undefined, kind: undefined });
      if (phaseOf(model) === "live") wish.informed(view, message.viewport);
    }
    if (message.type === "completion_status" && !message.completed) finish.notSolved(message.reason);
    if (message.type === "session_state") answerExtend();
    if (message.type === "expiring") warn(message.seconds_left);
    if (message.type === "error" && model.end === null) {
      finish.refused(message.reply_to);
      notice.say(codeWords(message.code, message.message));
    }
    const sentences = narrate(before, model, message, now);
    for (const sentence of sentences) log.add(sentence);
    if (message.type === "page_notice") showCondition(message.notice, sentences[0]?.() ?? "");
    if (could && !mayAct(model)) letGo();
    if (before.end === null && model.end !== null) setTimeout(() => connection.close(), GOODBYE_MS);
    render();
  }

  /** @param {ArrayBuffer} data */
  function onBinary(data) {
    const frame = decodeFrame(data);
    if (frame !== null) {
      const { view, seq, kind } = frame.header;
      screen.offer({ jpeg: frame.jpeg, view, seq, kind });
    } else if (!hasToldDamaged) {
      hasToldDamaged = true; // once: a server that speaks otherwise does so with every picture
      log.add(() => t("log_picture_bad"));
    }
  }

  /** @param {import("./screen.js").Picture} picture */
  function acknowledge(picture) {
    if (picture.seq !== undefined) send({ type: "ack", seq: picture.seq });
  }

  /** @param {import("./screen.js").Picture} picture */
  function onShown(picture) {
    acknowledge(picture);
    pill.pictureShown(picture.kind);
    if (!document.body.classList.contains("has-picture")) {
      document.body.classList.add("has-picture");
      render();
    }
  }

  /** A picture that cannot be read is done with, too: unacknowledged, it would hold back the next ones.
   * @param {import("./screen.js").Picture} picture */
  function onDamaged(picture) {
    acknowledge(picture);
    log.add(() => t("log_picture_bad"));
  }

  /** The line is gone, or control went elsewhere in the middle of a press: the server lets go, ours must not go on. */
  function letGo() {
    pointer.forget();
    wheel.forget();
    keys.forget();
  }

  /** @param {import("./view-request.js").ViewMode} mode */
  function chooseView(mode) {
    wish.choose(mode);
    render();
  }

  function extend() {
    if (send({ type: "extend", seconds: EXTEND_SECONDS })) extending = model.expiresAt;
  }

  /** At its limit the server answers with the deadline that stands. */
  function answerExtend() {
    if (extending !== null && model.expiresAt === extending) notice.say(t("no_more_time"));
    extending = null;
  }

  /** Why nothing happens on the picture stays over it until it does again. @param {string} condition @param {string} sentence */
  function showCondition(condition, sentence) {
    if (STANDSTILLS.has(condition)) notice.keep(sentence);
    else if (GOING_ON.has(condition)) notice.showOnly(sentence);
  }

  /** Where there is a "+", it is offered. @param {number} seconds */
  function warn(seconds) {
    const key = model.watchOnly || consoleUrl.embed ? "expiring" : "expiring_more";
    const sentence = () => t(key, { time: countdown(seconds * 1_000), add: t("add_time", { s: EXTEND_SECONDS }) });
    notice.showOnly(sentence());
    log.add(sentence);
  }

  /** Nobody holds it: whoever acts, takes it. */
  function takeFreeControl() {
    if (model.control !== null && !model.control.you) send({ type: "take_control" });
  }

  /** @param {string} text */
  function sendText(text) {
    const sent = text.slice(0, MOST_TEXT);
    if (!send({ type: "text", text: sent })) return false;
    // Never the text itself: it may be a password or a one-time code. Single keys would flood the log.
    if (sent.length > 1) log.add(() => t("log_text_sent", { n: sent.length }));
    if (sent.length < text.length) log.add(() => t("log_text_cut", { n: MOST_TEXT }));
    return true;
  }

  function tick() {
    status.tick(model, Date.now());
    pill.tick(phaseOf(model) === "live" && screen.shown !== null);
  }

  function render() {
    status.render(model, screen.shown !== null);
    viewSwitch.render(phaseOf(model) === "live", model.challenge !== null);
    ending.render(model.end);
    finish.render();
    if (model.end !== null) finish.close();
    canvas.tabIndex = model.end === null && !model.watchOnly ? 0 : -1;
    canvas.setAttribute("role", model.watchOnly ? "img" : "application");
    canvas.setAttribute("aria-label", t(model.watchOnly ? "picture_watched" : "picture"));
    renderHint();
  }

  function renderHint() {
    say(hint, t(document.activeElement === canvas ? "hint_focus" : "hint_idle"));
  }
}
