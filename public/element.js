// The custom element <captcha-remote src>: a console in a frame, for the pages of other sites [R30].

import { postVersioned, readVersioned } from "./console/shared/embed-messages.js";

/** @import { EmbedRequest } from "../src/protocol/embedding.ts" */

/** Enough to load a console over a slow line. */
const READY_WITHIN_MS = 15_000;
const NAME = "captcha-remote";
/** The events of the element, by the console's messages. */
const EVENTS = new Map([
  ["ready", "ready"],
  ["state", "statechange"],
  ["size", "resize"],
  ["ended", "ended"],
]);
/** What browsers ask a person before a public site may reach a private network; the last is the older name of both. */
const LOCAL_NETWORK = ["local-network", "loopback-network", "local-network-access"];
/** A page that gives the element a height has a frame of that height; else it follows the picture's shape. */
const STYLE =
  ":host{display:block}:host([hidden]),[hidden]{display:none}" +
  "iframe{display:block;width:100%;height:100%;min-height:240px;border:0;aspect-ratio:16/9}";

class CaptchaRemote extends HTMLElement {
  static observedAttributes = ["src", "lang", "theme"];

  /** The element's children: a way in where the frame shows nothing. */
  #instead = document.createElement("slot");
  #root = this.attachShadow({ mode: "open" });
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  #origin = "";
  #isConnected = false;
  #isReady = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    super();
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [style];
    this.#root.append(this.#instead);
  }

  connectedCallback() {
    this.#isConnected = true;
    addEventListener("message", this.#onMessage);
    this.#open();
  }

  disconnectedCallback() {
    this.#isConnected = false;
    removeEventListener("message", this.#onMessage);
    this.#close();
  }

  /** @param {string} name @param {string | null} before @param {string | null} now */
  attributeChangedCallback(name, before, now) {
    if (!this.#isConnected || before === now) return;
    if (name === "src") this.#open();
    else this.#tell();
  }

  #open() {
    this.#close();
    const url = addressOf(this.getAttribute("src"));
    if (url === null) return;
    this.#origin = url.origin;
    url.searchParams.set("embed", "1");
    for (const name of ["lang", "theme"]) {
      const value = this.getAttribute(name);
      if (value) url.searchParams.set(name, value);
    }
    const frame = document.createElement("iframe");
    frame.title = this.getAttribute("title") ?? NAME;
    frame.allow = "clipboard-write";
    frame.src = url.href;
    this.#frame = frame;
    this.#root.append(frame);
    this.#showFrame(true);
    this.#timer = setTimeout(() => this.#onSilence(frame), READY_WITHIN_MS);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#isReady = false;
    this.#frame?.remove();
    this.#frame = null;
    this.#showFrame(false);
  }

  /** @param {boolean} isShown */
  #showFrame(isShown) {
    if (this.#frame) this.#frame.hidden = !isShown;
    this.#instead.hidden = isShown;
  }

  /** @param {HTMLIFrameElement} frame */
  async #onSilence(frame) {
    const reason = (await isLocalNetworkDenied()) ? "local_network" : "silent";
    if (frame !== this.#frame || this.#isReady) return;
    this.#showFrame(!this.hasChildNodes());
    this.#emit("unreachable", { reason });
  }

  /** @param {MessageEvent<unknown>} event */
  #onMessage = ({ source, origin, data }) => {
    const frame = this.#frame;
    if (frame === null || source !== frame.contentWindow || origin !== this.#origin) return;
    const { type, ...detail } = readVersioned(data) ?? { type: "" };
    if (type === "ready") {
      clearTimeout(this.#timer);
      this.#isReady = true;
      this.#showFrame(true);
      this.#tell();
    }
    if (type === "size") frame.style.aspectRatio = `${detail["width"]} / ${detail["height"]}`;
    const name = EVENTS.get(type);
    if (name) this.#emit(name, detail);
  };

  /** Tells the console what the attributes say now. */
  #tell() {
    const [language, theme] = [this.getAttribute("lang"), this.getAttribute("theme")];
    if (language) this.#post({ type: "set_language", language });
    this.#post({ type: "set_theme", theme: theme === "light" || theme === "dark" ? theme : "auto" });
  }

  /** @param {EmbedRequest} message */
  #post(message) {
    const target = this.#frame?.contentWindow;
    if (target && this.#isReady) postVersioned(target, message, this.#origin);
  }

  /** @param {string} name @param {object} detail */
  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** Null: no address of a web page. @param {string | null} src */
function addressOf(src) {
  try {
    const url = new URL(src ?? "", document.baseURI);
    return src && /^https?:$/.test(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** Whether the browser says that this page may not reach a private network. */
async function isLocalNetworkDenied() {
  for (const name of LOCAL_NETWORK) {
    try {
      const { state } = await navigator.permissions.query({ name: /** @type {PermissionName} */ (name) });
      if (state === "denied") return true;
    } catch {
      // A browser without this name does not ask.
    }
  }
  return false;
}

if (!customElements.get(NAME)) customElements.define(NAME, CaptchaRemote);
