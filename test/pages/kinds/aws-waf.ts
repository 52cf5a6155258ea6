/** AWS WAF: a page of its own with 405, or an element that the site chose. */
import { nobody, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { goesWhenSolved, passesByItself, wall } from "../patterns.ts";

const AT = "margin:60px;width:340px;height:360px;background:#dde";
const GRID = `<div id="captcha-container" data-box style="${AT}"><canvas width="320" height="300"></canvas>${SOLVE}${WRONG}</div>`;
const SHADOW = `<awswaf-captcha data-box style="display:block;${AT}"></awswaf-captcha>
  ${script(`reveal($("awswaf-captcha").attachShadow({ mode: "open" })).innerHTML = '${SOLVE}${WRONG}';`)}`;

export default pagesOfKind("aws-waf", {
  ...wall({ html: GRID, status: 405 }),
  shadow: wall({ html: SHADOW, status: 405 }).shown,
  "without a reload": {
    page: () => ({
      status: 405,
      body: `${GRID}${script(`act("solve", () => { document.body.innerHTML = "<h1>Welcome</h1>"; success(); });`)}`,
    }),
    steps: [nobody("waiting"), press("solve", "solved")],
    selected: true,
  },
  modal: goesWhenSolved({
    html: `<h1>Shop</h1><div class="amzn-captcha-modal" data-box style="${AT}">${SOLVE}${WRONG}</div>`,
    root: ".amzn-captcha-modal",
  }).shown,
  // First a button that begins, then two rounds.
  rounds: {
    page: `<div class="amzn-captcha-state-container" data-box style="${AT}"><p>0 of 2</p>${SOLVE}</div>
      ${script(`let rounds = 0;
        act("solve", () => { rounds += 1; $("p").textContent = rounds + " of 2"; if (rounds < 3) settled(); else { $(".amzn-captcha-state-container").remove(); success(); } });`)}`,
    steps: [press("solve", "waiting"), press("solve", "waiting"), press("solve", "solved")],
  },
  working: passesByItself({ html: `<div id="challenge-container" style="${AT}"></div>`, status: 202 }, "any"),
});
