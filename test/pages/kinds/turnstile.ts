/** Turnstile: a frame of another site in a closed shadow root, and a hidden field beside it. */
import { button, nobody, onWidget, pagesOfKind, press, SOLVE, script, styleOf, tellParent, WRONG } from "../page.ts";

const PLACE = { x: 200, y: 120, width: 300, height: 65 };
const PATH =
  "challenges.cloudflare.com/cdn-cgi/challenge-platform/h/g/turnstile/if/ov2/av0/rcv/a1/0x4/auto/fbE/new/normal/auto/";
const FRAME = `${SOLVE}${WRONG}${script(`
  act("solve", () => ${tellParent("solved")});
  act("wrong", () => after(200, () => { location.reload(); ${tellParent("failed")}; }));`)}`;

/** A widget as the vendor's script draws it into the container. */
function widget(more = ""): string {
  return `<form><div class="cf-turnstile" style="${styleOf(PLACE)}"></div></form>${script(`
    const host = document.createElement("div");
    $(".cf-turnstile").innerHTML = '<input type="hidden" name="cf-turnstile-response" id="cf-chl-widget-a1_response">';
    $(".cf-turnstile").prepend(host);
    const root = reveal(host.attachShadow({ mode: "closed" }));
    root.innerHTML = '<iframe data-box src="{there}/${PATH}" style="display:block;border:0;width:300px;height:65px"></iframe>';
    const field = $("[name=cf-turnstile-response]");
    ${onWidget("solved", `field.value = "answer"; success();`)}
    ${onWidget("failed", "settled();")}
    ${more}`)}`;
}

export default pagesOfKind("turnstile", {
  shown: {
    page: { start: widget(), [PATH]: FRAME },
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  failed: { page: { start: widget(), [PATH]: FRAME }, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  expired: {
    page: { start: widget(`field.value = "old"; after(900, () => { field.value = ""; settled(); });`), [PATH]: FRAME },
    steps: [nobody("waiting", { until: "settled" }), press("solve", "solved")],
  },
  working: {
    page: { start: widget(`after(2500, () => { field.value = "answer"; success(); });`), [PATH]: "<p>one moment</p>" },
    steps: [nobody("solved", { how: "by_itself" })],
  },
  badge: {
    page: `<form><div class="cf-turnstile" data-size="invisible"><input type="hidden" name="cf-turnstile-response"></div></form>
      ${button("other")}${script(`after(800, () => { $("[name=cf-turnstile-response]").value = "score"; settled(); });`)}`,
    found: null,
    steps: [nobody("waiting", { until: "settled" })],
  },
});
