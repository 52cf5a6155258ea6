/** Cookies count when they belong to the host that the session was opened with. */
import { button, nobody, press, script, traps } from "../page.ts";

const RULES = { any: [{ cookie: "session", changed: true }] };
const AT = "width:200px;height:60px";
const set = (value: string) => () => ({
  headers: { "set-cookie": `session=${value}; Path=/; SameSite=None; Secure`, "content-type": "text/html" },
  body: "set",
});
const SIGN = `<h1>Sign in</h1>${button("sign")}${script(`act("sign", () => { document.cookie = "session=mine; path=/"; success(); });`)}`;
const ad = (src: string) =>
  `${SIGN}<iframe style="${AT}"></iframe>${script(`after(5000, () => { $("iframe").src = "${src}"; $("iframe").onload = () => settled(); });`)}`;
const until = { until: "settled" };

export default traps("cookies", {
  "of another host's frame": {
    page: { start: ad("{there}/set"), set: set("theirs") },
    found: null,
    rules: RULES,
    steps: [nobody("waiting", until), press("sign", "solved")],
    selected: true,
  },
  "of another host, named": {
    page: {
      start: `${SIGN}<iframe style="${AT}"></iframe>${script(`after(5000, () => { $("iframe").src = "{there}/set"; $("iframe").onload = () => success(); });`)}`,
      set: set("theirs"),
    },
    found: null,
    rules: { any: [{ cookie: "session", changed: true, domain: "localhost" }] },
    steps: [nobody("solved")],
  },
  "by signing in": {
    page: {
      start: `<form action="{here}/in" method="post"><input name="user"><input type="password" name="pass"><button data-act="sign">sign in</button></form>`,
      in: () => ({ status: 303, headers: { location: "welcome", "set-cookie": "session=mine; Path=/" } }),
    },
    found: null,
    rules: RULES,
    steps: [nobody("waiting"), press("sign", "solved")],
    selected: true,
  },
  "of another name": {
    page: `${SIGN}${script(`after(500, () => { document.cookie = "visited=1; path=/"; settled(); });`)}`,
    found: null,
    rules: RULES,
    steps: [nobody("waiting", until), press("sign", "solved")],
  },
});
