/** A person's word: where no positive sign exists it counts when it is said twice. */
import { box, confirmsDone, foundAs, nobody, press, SOLVE, saysDone, script, traps } from "../page.ts";

const STAYS = `<form>${box('class="captcha-wrapper"', `<p>The word is <b>marble</b></p><input data-act="word" data-text="marble" name="guess" style="width:160px;height:24px"><button type="button" data-act="check">check</button><p id="said"></p>`, { x: 200, y: 120, width: 340, height: 200 })}</form>
  ${script(`act("check", () => { $("#said").textContent = $("[name=guess]").value === "marble" ? "right" : "again"; settled(); });`)}`;
const TURNSTILE = `<form>${box('class="cf-turnstile"', `${SOLVE}<input type="hidden" name="cf-turnstile-response">`, { x: 200, y: 120, width: 300, height: 65 })}</form>${script(`act("solve", () => { $("[name=cf-turnstile-response]").value = "token"; success(); });`)}`;
const RULED = `<h1>Shop</h1><p id="ok" hidden>ok</p>`;
const GENERIC = foundAs("generic");

export default traps("words", {
  "a text that stays": {
    page: STAYS,
    found: GENERIC,
    steps: [
      nobody("waiting"),
      press("word", null),
      press("check", "asked"),
      saysDone("asked"),
      confirmsDone("operator"),
    ],
    selected: true,
  },
  // A kind with a positive sign still refuses.
  "a widget with a token": {
    page: TURNSTILE,
    found: foundAs("turnstile"),
    steps: [saysDone("waiting"), confirmsDone("waiting"), press("solve", "solved")],
    selected: true,
  },
  "a rule of the bot's": {
    page: RULED,
    found: null,
    rules: { any: [{ visible: "#ok" }] },
    steps: [saysDone("waiting"), confirmsDone("waiting")],
  },
  "a rule of the bot's that may be overridden": {
    page: RULED,
    found: null,
    rules: { any: [{ visible: "#ok" }], operator_may_override: true },
    steps: [saysDone("asked"), confirmsDone("operator")],
  },
  "a widget that may be overridden": {
    page: TURNSTILE,
    found: foundAs("turnstile"),
    rules: { operator_may_override: true },
    steps: [saysDone("asked"), confirmsDone("operator")],
  },
  // The sign-in goes through: its text picture was sent with the form.
  "a sign-in with a text picture": {
    page: `<form data-box action="{here}/welcome" method="post" style="position:absolute;left:200px;top:100px;width:360px;height:260px;background:#eee"><input name="user"><input type="password" name="pass">
      <img src="{here}/captcha.png" style="display:block;width:200px;height:60px" alt=""><input type="text" name="letters" data-act="word" data-text="marble" style="width:160px;height:24px"><button data-act="sign">sign in</button></form>`,
    found: foundAs("image-text"),
    steps: [nobody("waiting"), press("word", null), press("sign", "solved")],
    selected: true,
  },
});
