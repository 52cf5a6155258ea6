// The tools beside the picture: whose the fingers are, a closer look, the right button, the pointer of the keyboard, Back and reload.

import { byId, setText, setVisible } from "../shared/dom.js";
import { t } from "../shared/i18n.js";
import { MOST_ZOOM } from "./picture-zoom.js";
import { POINTER_KEY } from "./pointer-mode.js";

/** @import { ClientMessage } from "../../../src/protocol/live.ts" */

/**
 * @typedef {object} ToolsPort
 * @property {(message: ClientMessage) => boolean} send
 * @property {() => void} onPress
 * @property {import("./picture-zoom.js").PictureZoom} zoom
 * @property {import("./pointer-mode.js").PointerMode} pointerMode
 */

/**
 * @typedef {object} ToolsState
 * @property {boolean} mayAct
 * @property {boolean} isWholePage the picture shows the whole page
 * @property {boolean} canNavigate
 */

export class PageTools {
  #port;
  #bar = byId("tools", HTMLElement);
  #fingers = byId("fingers", HTMLButtonElement);
  #fingersText = byId("fingers-text", HTMLElement);
  #closer = byId("zoom-in", HTMLButtonElement);
  #further = byId("zoom-out", HTMLButtonElement);
  #right = byId("right-button", HTMLButtonElement);
  #pointer = byId("pointer-mode", HTMLButtonElement);
  #back = byId("page-back", HTMLButtonElement);
  #reload = byId("page-reload", HTMLButtonElement);
  #ofPicture = false;
  #isRightArmed = false;

  /** @param {ToolsPort} port */
  constructor(port) {
    this.#port = port;
    onClick(this.#fingers, () => {
      this.#ofPicture = !this.#ofPicture;
      this.#renderFingers();
    });
    onClick(this.#closer, () => port.zoom.closer());
    onClick(this.#further, () => port.zoom.further());
    onClick(this.#right, () => this.#arm(!this.#isRightArmed));
    onClick(this.#pointer, () => port.pointerMode.toggle());
    onClick(this.#back, () => this.#navigate("back"));
    onClick(this.#reload, () => this.#navigate("reload"));
  }

  /** Fingers move and zoom the picture; else they are the page's. */
  get fingersAreThePictures() {
    return this.#ofPicture;
  }

  /** Whether this press is one of the right button: one press each time the tool is chosen. */
  takesRight() {
    const isArmed = this.#isRightArmed;
    if (isArmed) this.#arm(false);
    return isArmed;
  }

  /** @param {ToolsState} state */
  render({ mayAct, isWholePage, canNavigate }) {
    setVisible(this.#bar, mayAct);
    const hasFingers = navigator.maxTouchPoints > 0;
    setVisible(this.#fingers, hasFingers);
    setVisible(this.#right, hasFingers);
    setVisible(this.#pointer, matchMedia("(hover: hover)").matches || this.#port.pointerMode.isOn);
    setVisible(this.#back, isWholePage && canNavigate);
    setVisible(this.#reload, isWholePage && canNavigate);
    this.#renderFingers();
    this.#renderZoom();
    this.#pointer.setAttribute("aria-pressed", String(this.#port.pointerMode.isOn));
    this.#pointer.title = t("pointer_title", { key: POINTER_KEY });
    for (const button of [this.#closer, this.#further, this.#right, this.#back, this.#reload]) {
      button.title = button.getAttribute("aria-label") ?? "";
    }
  }

  #renderFingers() {
    setText(this.#fingersText, t(this.#ofPicture ? "fingers_picture" : "fingers_page"));
    this.#fingers.setAttribute("aria-pressed", String(this.#ofPicture));
    this.#fingers.title = t("fingers_title");
  }

  #renderZoom() {
    this.#further.disabled = this.#port.zoom.zoom <= 1;
    this.#closer.disabled = this.#port.zoom.zoom >= MOST_ZOOM;
  }

  zoomed() {
    this.#renderZoom();
  }

  /** @param {boolean} isArmed */
  #arm(isArmed) {
    this.#isRightArmed = isArmed;
    this.#right.setAttribute("aria-pressed", String(isArmed));
  }

  /** @param {"back" | "reload"} action */
  #navigate(action) {
    this.#port.onPress();
    this.#port.send({ type: "navigate", action });
  }
}

/** @param {HTMLButtonElement} button @param {() => void} act */
function onClick(button, act) {
  button.addEventListener("click", act);
}
