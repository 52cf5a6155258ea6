/** The token comes, and the form is sent in the same moment, in each way that sites have. */
import { box, foundAs, nobody, press, SOLVE, script, traps } from "../page.ts";

const TURNSTILE = foundAs("turnstile");
const WIDGET = box('class="cf-turnstile"', `${SOLVE}<input type="hidden" name="cf-turnstile-response">`, {
  x: 200,
  y: 120,
  width: 300,
  height: 65,
});
const form = (
  attributes: string,
  run: string,
) => `<form ${attributes}>${WIDGET}<input type="hidden" name="more" value="1"></form>
  ${script(`act("solve", () => { const field = $("[name=cf-turnstile-response]"); const value = "token." + Date.now(); field.value = value; ${run} });`)}`;
const GET = `action="{here}/welcome"`;
const POST = `action="{here}/welcome" method="post"`;
const SEND = `$("form").requestSubmit();`;
const submitted = [press("solve", "solved", { how: "submitted" })] as const;
const json = (then: string) =>
  `fetch("{here}/verify", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ data: { "cf-turnstile-response": value } }) }).then(() => { ${then} });`;
const VERIFY = { verify: () => ({ headers: { "content-type": "application/json" }, body: "{}" }) };
const settling = (title: string) => `<h1>${title}</h1>${script(`addEventListener("load", () => settled());`)}`;
const FRIENDLY = `<form action="{here}/next">${box('class="frc-captcha"', `${SOLVE}<input class="frc-captcha-solution" type="hidden" name="frc-captcha-solution" value=".UNSTARTED">`, { x: 200, y: 120, width: 312, height: 70 })}</form>`;

export default traps("submits", {
  get: { page: form(GET, SEND), found: TURNSTILE, steps: submitted, selected: true },
  post: { page: form(POST, SEND), found: TURNSTILE, steps: submitted },
  multipart: {
    page: form(`${POST} enctype="multipart/form-data"`, SEND),
    found: TURNSTILE,
    steps: submitted,
    selected: true,
  },
  "by submit()": { page: form(POST, `$("form").submit();`), found: TURNSTILE, steps: submitted },
  "json, then the script goes on": {
    page: { start: form(GET, json(`location.href = "{here}/welcome";`)), ...VERIFY },
    found: TURNSTILE,
    steps: submitted,
    selected: true,
  },
  "json, then a reload": {
    page: {
      start: (visit) =>
        visit.count > 1 ? `<h1>Welcome</h1>${script("success()")}` : form(GET, json("location.reload();")),
      ...VERIFY,
    },
    found: TURNSTILE,
    steps: submitted,
  },
  "form data by fetch": {
    page: {
      start: form(
        GET,
        `fetch("{here}/verify", { method: "POST", body: new FormData($("form")) }).then(() => { location.href = "{here}/welcome"; });`,
      ),
      ...VERIFY,
    },
    found: TURNSTILE,
    steps: submitted,
  },
  "in the query by fetch": {
    page: {
      start: form(
        GET,
        `fetch("{here}/verify?" + new URLSearchParams({ "cf-turnstile-response": value })).then(() => { location.href = "{here}/welcome"; });`,
      ),
      ...VERIFY,
    },
    found: TURNSTILE,
    steps: submitted,
  },
  "read and reset": {
    page: { start: form(GET, `field.value = ""; ${json(`location.href = "{here}/welcome";`)}`), ...VERIFY },
    found: TURNSTILE,
    steps: submitted,
  },
  "100 ms later": { page: form(POST, `after(100, () => { ${SEND} });`), found: TURNSTILE, steps: submitted },
  "300 ms later": {
    page: form(POST, `after(300, () => { ${SEND} });`),
    found: TURNSTILE,
    steps: submitted,
    selected: true,
  },
  "800 ms later": {
    page: form(POST, `success(); after(800, () => { ${SEND} });`),
    found: TURNSTILE,
    steps: [press("solve", "solved")],
  },
  "a slow answer": {
    page: {
      start: form(`action="{here}/slow" method="post"`, SEND),
      slow: () => ({ delayMs: 1_500, body: `<h1>Welcome</h1>${script("success()")}` }),
    },
    found: TURNSTILE,
    steps: submitted,
  },
  "by way of a redirect": {
    page: {
      start: form(`action="{here}/check" method="post"`, SEND),
      check: () => ({ status: 303, headers: { location: "welcome" } }),
    },
    found: TURNSTILE,
    steps: submitted,
    selected: true,
  },
  // Not let through: an error, the same challenge again, another challenge.
  "into an error": {
    page: form(`action="{here}/broken" method="post"`, SEND),
    found: TURNSTILE,
    steps: [press("solve", "waiting")],
    selected: true,
  },
  "into the same challenge": {
    page: (visit) =>
      `${form(`action="{here}/start" method="post"`, SEND)}${visit.count > 1 ? script(`addEventListener("load", () => settled());`) : ""}`,
    found: TURNSTILE,
    steps: [nobody("waiting"), press("solve", "waiting", { found: TURNSTILE })],
    selected: true,
  },
  "into another challenge": {
    page: {
      start: form(`action="{here}/next" method="post"`, SEND),
      next: `${box('class="scratch-captcha-container"', "", { x: 300, y: 120, width: 320, height: 260 })}${script(`addEventListener("load", () => settled());`)}`,
    },
    found: TURNSTILE,
    steps: [press("solve", "waiting", { found: foundAs("aliyun-scratch") })],
  },
  "into a challenge that comes late": {
    page: {
      start: form(`action="{here}/next" method="post"`, SEND),
      next: `<h1>Wait</h1>${script(`after(350, () => { document.body.insertAdjacentHTML("beforeend", \`${box('class="scratch-captcha-container"', "", { x: 300, y: 120, width: 320, height: 260 })}\`); settled(); });`)}`,
    },
    found: TURNSTILE,
    steps: [press("solve", "waiting")],
  },
  // No answer, or sent to somebody else: that proves nothing.
  "without an answer": {
    page: { start: form(`action="{here}/next" method="post"`, `field.value = ""; ${SEND}`), next: settling("Next") },
    found: TURNSTILE,
    steps: [press("solve", "asked")],
    selected: true,
  },
  "a state that is no answer": {
    page: { start: `${FRIENDLY}${script(`act("solve", () => $("form").submit());`)}`, next: settling("Next") },
    found: foundAs("friendly-captcha"),
    steps: [press("solve", "asked")],
    selected: true,
  },
  "to another site": {
    page: {
      start: form(
        GET,
        `fetch("{there}/verify", { method: "POST", mode: "no-cors", body: new URLSearchParams({ "cf-turnstile-response": value }) }).then(() => { field.value = ""; location.href = "{here}/next"; });`,
      ),
      ...VERIFY,
      next: settling("Next"),
    },
    found: TURNSTILE,
    steps: [press("solve", "asked")],
  },
  // The score field of a badge is sent with the sign-in: it is not the challenge's.
  "another widget's field": {
    page: {
      start: `<form action="{here}/next" method="post"><textarea id="g-recaptcha-response-100000" name="g-recaptcha-response" style="display:none">score</textarea>${WIDGET}</form>${script(`act("solve", () => $("form").submit());`)}`,
      next: settling("Next"),
    },
    found: TURNSTILE,
    steps: [press("solve", "asked")],
    selected: true,
  },
  "a token of 1 MB": {
    page: form(GET, `field.value = "t".repeat(1_000_000); success();`),
    found: TURNSTILE,
    steps: [press("solve", "solved")],
  },
});
