/** Cloudflare's challenge page: a page of its own with a Turnstile frame in a closed shadow root. */
import { nobody, pagesOfKind, press, SOLVE, script, WRONG } from "../page.ts";
import { passesByItself, WIDGET_FRAME, wall } from "../patterns.ts";

const PATH =
  "challenges.cloudflare.com/cdn-cgi/challenge-platform/h/b/turnstile/if/ov2/av0/rcv/b2/0x4/auto/fbE/new/normal/auto/";
const ORCHESTRATE = "cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1";
const DOCUMENTS = {
  [PATH]: WIDGET_FRAME,
  [ORCHESTRATE]: () => ({ headers: { "content-type": "text/javascript" }, body: "" }),
};
const HEAD = `<script src="{here}/${ORCHESTRATE}?ray=1"></script>`;
/** The page of today: its ids are random, and the box is in a closed root. */
const TODAY = `${HEAD}<div class="main-wrapper" role="main"><div class="main-content" style="padding:60px">
  <h1>shop.example</h1><div id="xYz1" style="width:300px;height:65px"></div></div></div>
  ${script(`
    const root = reveal($("#xYz1").attachShadow({ mode: "closed" }));
    root.innerHTML = '<iframe data-box src="{there}/${PATH}" style="display:block;border:0;width:300px;height:65px"></iframe>';`)}`;
const OLDER = `<div id="challenge-stage" data-box style="margin:80px;width:320px;height:90px;background:#dde">${SOLVE}${WRONG}</div>`;
const SPINNER = `${HEAD}<div class="main-wrapper"><div class="main-content" style="padding:60px"><h1>shop.example</h1><p>one moment</p></div></div>`;

export default pagesOfKind("cloudflare-challenge", {
  ...wall({ html: TODAY, status: 403, documents: DOCUMENTS }),
  older: { ...wall({ html: OLDER, status: 503 }).shown, steps: [nobody("waiting"), press("solve", "solved")] },
  working: passesByItself({ html: SPINNER, status: 403, documents: DOCUMENTS }, "any"),
  badge: {
    page: {
      start: `<h1>Shop</h1><script src="{here}/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>`,
      "cdn-cgi/challenge-platform/scripts/jsd/main.js": DOCUMENTS[ORCHESTRATE],
    },
    found: null,
    steps: [nobody("waiting")],
  },
});
