/** A one-time code: one field, or a box for each digit. */
import { nobody, pagesOfKind, press, script } from "../page.ts";

const FIELD = `<input data-box autocomplete="one-time-code" inputmode="numeric" data-act="word" name="token" style="position:absolute;left:200px;top:120px;width:300px;height:40px" data-text="135790">`;
const BOXES = `<div data-box style="position:absolute;left:200px;top:120px;width:312px;height:60px">${`<input maxlength="1" inputmode="numeric" style="width:40px;height:50px;float:left;margin:0;padding:0">`.repeat(6)}</div>
  <button type="button" data-act="first" style="position:absolute;left:200px;top:260px">first</button>`;
const SEND = `<button data-act="send" style="position:absolute;left:200px;top:220px">send</button>`;

export default pagesOfKind("code", {
  shown: {
    page: `<form action="{here}/welcome" method="post">${FIELD.replace("data-box", "")}${SEND}</form>${script(`$("form").querySelector("input").dataset.box = "";`)}`,
    steps: [nobody("waiting"), press("send", "solved")],
  },
  failed: {
    page: (visit) =>
      `<form action="{here}/start" method="post">${FIELD}${SEND}</form><p>${visit.count > 1 ? "wrong" : ""}</p>${visit.count > 1 ? script(`addEventListener("load", () => settled());`) : ""}`,
    steps: [press("send", "waiting")],
  },
  // A code that is typed is not yet accepted.
  typed: {
    page: `<form>${BOXES}${SEND.replace("<button", '<button type="button"')}</form>${script(`const boxes = [...document.querySelectorAll("input")]; act("first", () => { boxes.forEach((box, at) => { box.value = at; }); settled(); }); act("send", () => { location.href = "{here}/welcome"; });`)}`,
    steps: [nobody("waiting"), press("first", "waiting"), press("send", "solved")],
  },
  badge: {
    page: `<form><input name="voucher_otp_card" autocomplete="cc-csc" inputmode="numeric" maxlength="6" disabled style="width:200px;height:40px"></form>`,
    found: null,
    steps: [nobody("waiting")],
  },
});
