/** Yandex's wall: a page of its own, which may ask twice. */
import { box, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { wall } from "../patterns.ts";

const HTML =
  `<form id="checkbox-captcha-form">${box('class="CheckboxCaptcha"', `${SOLVE}${WRONG}`).replace("data-box", "")}</form>`
    .replace("<form ", `<form data-box style="position:absolute;left:100px;top:100px;width:400px;height:200px" `)
    .replace("left:200px;top:120px", "left:20px;top:20px");
const LETTERS = box('class="AdvancedCaptcha"', `<p>letters</p>${SOLVE}${WRONG}`, {
  x: 200,
  y: 120,
  width: 360,
  height: 260,
});

export default pagesOfKind("yandex-showcaptcha", {
  ...wall({ html: HTML, status: 200, path: "showcaptcha" }),
  letters: wall({ html: LETTERS, status: 200, path: "yandex.example/showcaptcha" }).failed,
});
