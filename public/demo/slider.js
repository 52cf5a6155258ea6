// The slider that the scratch card, the jigsaw and the rotation share: a handle that is dragged along a track.

import { clamp, element, place } from "./dom.js";
import { HANDLE_SIZE } from "./layout.js";

/** @import { SliderLayout } from "./layout.js" */

/** A release before this is a slip of the finger, not an attempt. */
const MIN_ATTEMPT_TRAVEL_PX = 4;
const ARROW_KEY_STEP_PX = 2;
const PRIMARY_BUTTON = 1;

/**
 * @typedef {object} SliderOptions
 * @property {SliderLayout} layout
 * @property {string} hint words on the track
 * @property {(travel: number) => void} onMove
 * @property {(travel: number) => void} onRelease
 * @property {string} [handleId]
 * @property {string} [trackClass]
 */

/**
 * @param {HTMLElement} stage
 * @param {SliderOptions} options
 */
export function createSlider(stage, { layout, hint, onMove, onRelease, handleId, trackClass = "" }) {
  const fill = element("div", { class: "slider-fill" });
  const hintText = element("span", { class: "slider-hint" }, [hint]);
  const track = element("div", { class: `slider-track ${trackClass}`.trim() }, [fill, hintText]);
  const handle = element("div", {
    class: "slider-handle",
    role: "slider",
    tabindex: "0",
    "aria-label": hint,
    "aria-valuemin": "0",
    "aria-valuemax": String(layout.maxTravel),
  });
  if (handleId) handle.id = handleId;
  place(track, layout.track);
  place(handle, { x: layout.track.x, y: layout.track.y, width: HANDLE_SIZE, height: HANDLE_SIZE });
  stage.append(track, handle);

  let travel = 0;
  let locked = true;
  /** @type {{ pointerId: number, startX: number } | null} */
  let drag = null;

  /** @param {number} wanted */
  function moveTo(wanted) {
    travel = clamp(wanted, 0, layout.maxTravel);
    handle.style.transform = `translateX(${travel}px)`;
    handle.setAttribute("aria-valuenow", String(Math.round(travel)));
    fill.style.width = `${travel + HANDLE_SIZE / 2}px`;
    hintText.style.opacity = String(clamp(1 - travel / 60, 0, 1));
    onMove(travel);
  }

  function release() {
    if (travel < MIN_ATTEMPT_TRAVEL_PX) moveTo(0);
    else onRelease(travel);
  }

  handle.addEventListener("pointerdown", (event) => {
    if (locked || drag || event.button !== 0) return;
    drag = { pointerId: event.pointerId, startX: event.clientX - travel };
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("is-dragged");
  });
  handle.addEventListener("pointermove", (event) => {
    // A move without a button down is not part of a drag, and does not end one.
    if (event.pointerId !== drag?.pointerId || !(event.buttons & PRIMARY_BUTTON)) return;
    moveTo(event.clientX - drag.startX);
  });
  handle.addEventListener("pointerup", (event) => {
    if (event.pointerId !== drag?.pointerId || event.button !== 0) return;
    moveTo(event.clientX - drag.startX);
    endDrag();
    release();
  });
  handle.addEventListener("pointercancel", (event) => {
    if (event.pointerId !== drag?.pointerId) return;
    endDrag();
    moveTo(0);
  });
  handle.addEventListener("keydown", (event) => {
    if (locked || drag) return;
    if (event.key === "ArrowRight") moveTo(travel + ARROW_KEY_STEP_PX);
    else if (event.key === "ArrowLeft") moveTo(travel - ARROW_KEY_STEP_PX);
    else if (event.key === "Enter") release();
    else return;
    event.preventDefault();
  });

  function endDrag() {
    drag = null;
    handle.classList.remove("is-dragged");
  }

  return {
    reset() {
      endDrag();
      moveTo(0);
    },
    /** @param {boolean} value */
    setLocked(value) {
      locked = value;
      if (value) endDrag();
      handle.setAttribute("aria-disabled", String(value));
    },
  };
}
