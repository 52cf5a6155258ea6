// The page of one session: wires connection, picture, input and texts together.

import { byId, setText } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";
import { countdown } from "../shared/time-format.js";
import { EndCard } from "./end-card.js";
import { FinishControls } from "./finish-controls.js";
import { KeyboardInput } from "./keyboard-input.js";
import { LateRing } from "./late-ring.js";
import { LinkQualityBadge } from "./link-quality-badge.js";
import { LogPanel } from "./log-panel.js";
import { connectionSentences, logSentences } from "./log-sentences.js";
import { PageFocus } from "./page-focus.js";
import { PageTools } from "./page-tools.js";
import { PictureZoom } from "./picture-zoom.js";
import { PointerInput } from "./pointer-input.js";
import { POINTER_KEY, PointerMode } from "./pointer-mode.js";
import { mayAct, maySay, newModel, phaseOf, withConnection, withMessage } from "./session-model.js";
import { EXTEND_SECONDS, StatusBar } from "./status-bar.js";
import { wireTextBox } from "./text-box.js";
import { Toast } from "./toast.js";
import { TouchInput } from "./touch-input.js";
import { ViewRequest } from "./view-request.js";
import { ViewSwitch } from "./view-switch.js";
import { WheelInput } from "./wheel-input.js";
import { WindowStrip } from "./window-strip.js";

/** @import { ClientMessage, ServerMessage } from "../../../src/protocol/live.ts" */
/** @typedef {import("../../../src/client/operator-connection.ts").ConnectionState} ConnectionState */

/** Notices that the page cannot be acted on. @type {ReadonlySet<string>} */
const STANDSTILLS = new Set(["page_not_visible", "page_unresponsive", "dialog_open", "page_reopening"]);
/** Notices that it can be acted on again. @type {ReadonlySet<string>} */
const GOING_ON = new Set(["page_visible", "page_responsive", "page_reopened"]);
/** Notices that what the person has just tried does not work here. @type {ReadonlySet<string>} */
const REFUSALS = new Set(["passkey_refused", "permission_refused", "printing"]);
/** Messages that need more than the picture. @type {ReadonlySet<string>} */
const ON_SURFACES = new Set(["ask_dialog", "ask_sign_in", "ask_pick", "ask_files", "copied", "sound"]);
/** As in the contract's `text` message; longer pastes are cut, and the log says so. */
const MOST_TEXT = 10_000;
/** Countdowns change once a second; looking more often keeps them in step with the clock on the wall. */
const TICK_MS = 250;
/** After the end the server closes the connection itself, once it has sent everything. */
const GOODBYE_MS = 2_000;

/**
 * @param {import("../../../src/client/console-url.ts").ConsoleUrl} consoleUrl
 * @param {import("./live-picture.js").LivePicture} live
 * @param {(
 *   model: import("./session-model.js").Model,
 *   more: { phase: import("./session-model.js").Phase, mayAct: boolean },
 * ) => void} [onRender] called with what is shown from now on
 * @returns {{ translate: () => void }}
 */
export function openSessionPage(consoleUrl, live, onRender = () => {}) {
  let model = newModel();
  const canvas = byId("screen", HTMLCanvasElement);
  const hint = byId("screen-hint", HTMLElement);
  const status = new StatusBar(consoleUrl.sessionId);
  const endCard = new EndCard(consoleUrl);
  const log = new LogPanel(byId("log", HTMLElement), byId("log-latest", HTMLElement), byId("announcer", HTMLElement));

  const { connection, screen } = live;
  /** Whether the message was sent, or waits for the next connection. @param {ClientMessage} message */
  const send = (message) => maySay(model, message.type) && connection.send(message) !== "dropped";
  const port = { send, sendText, mayAct: () => mayAct(model), onPress: takeFreeControl };
  const viewRequest = new ViewRequest({ send, scaleFor: (view) => screen.densityFor(view) });
  const viewSwitch = new ViewSwitch({ mode: () => viewRequest.mode, choose: chooseView, isBusy: isDown });
  const badge = new LinkQualityBadge(send);
  const frame = byId("frame", HTMLElement);
  const ring = new LateRing(frame, { placeOf: (at) => screen.placeOf(at), roundTrip: () => badge.roundTrip });
  // What takes events before others do is made before them.
  const zoom = new PictureZoom(canvas, frame, {
    isMine: () => tools.fingersAreThePictures,
    onZoom(times) {
      screen.setZoom(times);
      tools.zoomed();
      pointerMode.moved();
    },
    onSettled: () => viewRequest.update(),
  });
  const pointerMode = new PointerMode(canvas, frame, {
    ...port,
    view: () => screen.shown?.view ?? null,
    seq: () => screen.shown?.seq,
    placeOf: (at) => screen.placeOf(at),
    isMobile: () => model.isMobile,
    onChange: render,
  });
  const tools = new PageTools({ send, onPress: takeFreeControl, zoom, pointerMode });
  const touch = new TouchInput(canvas, {
    ...port,
    pageAt: (event) => screen.pageAt(event),
    seq: () => screen.shown?.seq,
    hasTouch: () => model.hasTouch,
    isMobile: () => model.isMobile,
    takesRight: () => tools.takesRight(),
  });
  const focus = new PageFocus({
    input: () => byId("text-input", HTMLInputElement),
    mayAct: () => mayAct(model),
    clientAt: (point) => screen.clientAt(point),
  });
  const pointer = new PointerInput(canvas, {
    ...port,
    pageAt: (event) => screen.pageAt(event),
    seq: () => screen.shown?.seq,
    onPinch: (direction) => viewSwitch.pinched(direction),
    onDrag: (at) => ring.moved(at),
    onRelease: () => ring.released(),
  });
  const wheel = new WheelInput(canvas, { ...port, pageAt: (event) => screen.pageAt(event) });
  const keys = new KeyboardInput(canvas, { ...port, onFocus: render, placeOf: (at) => screen.placeOf(at) });
  const windowStrip = new WindowStrip((message) => {
    takeFreeControl();
    return send(message);
  });
  const toast = new Toast();
  const finish = new FinishControls({ send, log: (sentence) => log.add(sentence), toast });
  /** Loaded when it is needed first. @type {Promise<import("./surfaces.js").Surfaces> | null} */
  let surfaces = null;
  /** Dialogs and sign-ins of the page that wait for an answer. @type {Set<string>} */
  const openQuestions = new Set();
  /** The deadline when the operator asked for more time; null when no answer is due. @type {number | null} */
  let extending = null;
  let hasLoggedFormat = false;
  let hasPicture = false;
  /** Whether the sentence is up that no socket gets through. */
  let isBlocked = false;

  wireTextBox(
    {
      form: byId("typing", HTMLFormElement),
      field: byId("text-input", HTMLInputElement),
      keys: byId("keys", HTMLElement),
    },
    port,
  );
  byId("take-control", HTMLButtonElement).addEventListener("click", () => send({ type: "take_control" }));
  byId("extend", HTMLButtonElement).addEventListener("click", extend);
  byId("retry", HTMLButtonElement).addEventListener("click", () => connection.retry());
  // `pageshow`: a page restored from the back/forward cache goes on, with a socket that its browser has closed.
  for (const sign of ["online", "pageshow"]) addEventListener(sign, () => connection.wake());
  document.addEventListener("visibilitychange", () => !document.hidden && connection.wake());
  setInterval(tick, TICK_MS);

  render();
  live.takeOver({ onState: onConnectionState, onMessage, onShown, onUnreadable, onRoom, isPressed: isDown });
  return {
    translate() {
      log.translate();
      badge.translate();
      onSurfaces((each) => each.translate());
      render();
    },
  };

  /** @param {ConnectionState} state */
  function onConnectionState(state) {
    const before = model;
    model = withConnection(model, state);
    for (const sentence of connectionSentences(before, model)) log.add(sentence);
    if (state.name !== "CONNECTED") {
      forgetInput();
      openQuestions.clear();
      onSurfaces((each) => each.forget());
      finish.settle();
      viewRequest.forget();
      badge.reset();
    } else if (isBlocked) {
      isBlocked = false;
      toast.hide();
    }
    render();
  }

  /** @param {ServerMessage & { timestamp?: number, reply_to?: string | number }} message @param {number} now ms since 1970 */
  function onMessage(message, now) {
    const before = model;
    const could = mayAct(before);
    model = withMessage(model, message, now);
    if (message.type === "screenshot_update") return; // nothing else changes, up to 60 times a second
    if (message.type === "focus") {
      focus.focused(message.field);
      keys.setCaret(message.field && (message.field.caret ?? message.field.rect));
      return;
    }
    if (message.type === "pong") {
      badge.answered(message.reply_to);
      return;
    }
    if (message.type === "session_info" && phaseOf(model) === "live") {
      viewRequest.onSessionInfo(message.view, message.viewport);
    }
    if (message.type === "completion_status" && !message.completed) finish.notEnded(message.reason);
    if (message.type === "ask_dialog" || message.type === "ask_sign_in") openQuestions.add(message.question_id);
    if (message.type === "withdrawn") openQuestions.delete(message.question_id);
    if (ON_SURFACES.has(message.type)) surfaces ??= loadSurfaces();
    onSurfaces((each) => each.onMessage(message));
    if (message.type === "session_state") answerExtend();
    if (message.type === "expiring") warn(message.seconds_left);
    if (message.type === "error" && model.end === null) {
      finish.refused(message.reply_to);
      const words = codeWords(message.code, message.message);
      isBlocked = message.code === "sockets_blocked";
      if (isBlocked) toast.keep(words);
      else toast.announce(words);
    }
    const sentences = logSentences(before, model, message, now);
    for (const sentence of sentences) log.add(sentence);
    if (message.type === "page_notice") showCondition(message.notice, sentences[0]?.() ?? "");
    if (could && !mayAct(model)) {
      forgetInput();
      onSurfaces((each) => each.close());
    }
    if (before.end === null && model.end !== null) setTimeout(() => connection.close(), GOODBYE_MS);
    render();
  }

  /** @param {import("./screen.js").Picture} picture */
  function onShown(picture) {
    badge.pictureShown(picture.kind);
    ring.pictureShown();
    pointerMode.moved();
    if (hasPicture) return;
    hasPicture = true;
    render();
  }

  /** @param {boolean} isFormat a server with another picture format uses it for every picture: it is said once */
  function onUnreadable(isFormat) {
    if (!isFormat || !hasLoggedFormat) log.add(() => t("log_picture_bad"));
    hasLoggedFormat ||= isFormat;
  }

  function onRoom() {
    viewRequest.update();
    pointerMode.moved();
  }

  /** The connection is lost, or another operator took control during a press: the server releases it, and this page must not go on. */
  function forgetInput() {
    touch.forget();
    pointerMode.forget();
    pointer.forget();
    wheel.forget();
    keys.forget();
  }

  /** Whether something is pressed on the page: the picture under the hand must not change. */
  function isDown() {
    return pointer.isDown || touch.isDown || pointerMode.isHeld;
  }

  /** @param {import("./view-request.js").ViewMode} mode */
  function chooseView(mode) {
    zoom.reset();
    viewRequest.choose(mode);
    render();
  }

  function extend() {
    if (send({ type: "extend", seconds: EXTEND_SECONDS })) extending = model.expiresAt;
  }

  /** At its limit the server answers with the unchanged deadline. */
  function answerExtend() {
    if (extending !== null && model.expiresAt === extending) toast.announce(t("no_more_time"));
    extending = null;
  }

  /** @returns {Promise<import("./surfaces.js").Surfaces>} */
  async function loadSurfaces() {
    const { Surfaces } = await import("./surfaces.js");
    return new Surfaces({
      send,
      log: (sentence) => log.add(sentence),
      toast,
      consoleUrl,
      onClosed: () => canvas.focus({ preventScroll: true }),
    });
  }

  /** In the order of the calls; nothing where nothing has needed them yet. @param {(surfaces: import("./surfaces.js").Surfaces) => void} act */
  function onSurfaces(act) {
    surfaces?.then(act).catch(() => {
      // They could not be loaded: the next message tries again, and the page gets its default.
      surfaces = null;
    });
  }

  /** Shows why the picture stands still, until it moves again. @param {string} condition @param {string} sentence */
  function showCondition(condition, sentence) {
    // Whoever is asked sees why: the question is on the screen.
    if (condition === "dialog_open" && openQuestions.size > 0) return;
    if (STANDSTILLS.has(condition)) toast.keep(sentence);
    else if (GOING_ON.has(condition) || REFUSALS.has(condition)) toast.show(sentence);
  }

  /** Warns that the session expires soon, and mentions the "+" where there is one. @param {number} seconds */
  function warn(seconds) {
    const key = model.watchOnly || consoleUrl.embed ? "expiring" : "expiring_more";
    const sentence = () => t(key, { time: countdown(seconds * 1_000), add: t("add_time", { s: EXTEND_SECONDS }) });
    toast.show(sentence());
    log.add(sentence);
  }

  /** Nobody is in control: the operator who acts takes it. */
  function takeFreeControl() {
    if (model.control !== null && !model.control.you) send({ type: "take_control" });
  }

  /** @param {string} text @param {boolean} whole it came as a whole, as by a paste */
  function sendText(text, whole) {
    const sent = text.slice(0, MOST_TEXT);
    if (!send({ type: "text", text: sent, whole })) return false;
    // Never the text itself: it may be a password or a one-time code. Single keys would flood the log.
    if (sent.length > 1) log.add(() => t("log_text_sent", { n: sent.length }));
    if (sent.length < text.length) log.add(() => t("log_text_cut", { n: MOST_TEXT }));
    return true;
  }

  function tick() {
    status.tick(model, Date.now());
    badge.tick(phaseOf(model) === "live" && screen.shown !== null);
  }

  function render() {
    status.render(model, screen.shown !== null);
    viewSwitch.render(phaseOf(model) === "live", model.challenge !== null);
    tools.render({
      mayAct: mayAct(model),
      isWholePage: viewRequest.mode === "page" || model.challenge === null,
      canNavigate: model.canNavigate,
    });
    windowStrip.render(phaseOf(model) === "live" ? model.windows : [], mayAct(model));
    endCard.render(model.end);
    finish.render(mayAct(model) ? model.movedOnAt : null);
    const answers = mayAct(model);
    onSurfaces((each) => (model.end === null ? each.render(answers) : each.end()));
    if (model.end !== null) finish.close();
    canvas.tabIndex = model.end === null && !model.watchOnly && !keys.hasFocus ? 0 : -1;
    canvas.setAttribute("role", model.watchOnly ? "img" : "application");
    const name = t(model.watchOnly ? "picture_watched" : "picture");
    canvas.setAttribute("aria-label", name);
    keys.setName(name);
    renderHint();
    onRender(model, { phase: phaseOf(model), mayAct: mayAct(model) });
  }

  function renderHint() {
    const key = POINTER_KEY;
    if (pointerMode.isOn) setText(hint, t("hint_pointer", { key }));
    else setText(hint, t(!keys.hasFocus ? "hint_idle" : keys.takesTab ? "hint_focus_tab" : "hint_focus", { key }));
  }
}
