/** Where a challenge can be: under zoom and transforms, in dialogs, shadow roots and frames of every kind. */
import { box, foundAs, nobody, onWidget, press, SOLVE, script, tellParent, traps } from "../page.ts";

const GENERIC = foundAs("generic");
const AT = { x: 100, y: 60, width: 300, height: 200 };
const GOES = `act("solve", () => { $(".my-captcha").remove(); success(); });`;
const BOX = box('class="my-captcha"', SOLVE, AT);
const IN_FRAME = {
  widget: `${SOLVE}${script(`act("solve", () => ${tellParent("solve")});`)}`,
  frame: `${BOX}${script(`act("solve", () => { $(".my-captcha").remove(); ${tellParent("solve")}; });`)}`,
};
const frame = (src: string, style: string) =>
  `<iframe src="${src}" style="border:0;width:500px;height:320px;${style}"></iframe>${script(onWidget("solve", "success();"))}`;
const page = (start: string) => ({
  page: { start, ...IN_FRAME },
  found: GENERIC,
  steps: [press("solve", "solved")] as const,
});
const inRoot = (mode: string, markup: string) =>
  `const root = reveal($("#host").attachShadow({ mode: "${mode}" })); root.innerHTML = \`${markup}\`;`;
const HOST = `<div id="host" style="position:absolute;left:200px;top:100px;width:420px;height:280px"></div>`;
const goesFrom = (root: string) =>
  `act("solve", () => { ${root}.querySelector(".my-captcha").remove(); success(); }, ${root});`;
/** Shadow roots inside of each other, with the box in the last. */
const nested = (modes: string) =>
  `<div id="host" style="position:absolute;left:200px;top:100px;width:420px;height:280px"></div>${script(`
  let host = $("#host"), root;
  for (const mode of ${modes}) {
    root = reveal(host.attachShadow({ mode }));
    root.innerHTML = '<x-inner style="display:block;width:400px;height:260px"></x-inner>';
    host = root.firstChild;
  }
  root.innerHTML = \`${BOX}\`;
  ${goesFrom("root")}`)}`;

export default traps("places", {
  plain: page(`${BOX}${script(GOES)}`),
  scrolled: page(
    `<div style="height:3000px">${box('class="my-captcha"', SOLVE, { ...AT, y: 1500 })}</div>${script(`${GOES} scrollTo(0, 1300);`)}`,
  ),
  "right to left": {
    ...page(
      `<div dir="rtl" style="width:2600px;height:600px"><div style="position:relative;height:500px">${BOX}</div></div>${script(`document.documentElement.dir = "rtl"; ${GOES} addEventListener("load", () => scrollTo(-1300, 0));`)}`,
    ),
    selected: true,
  },
  "right to left, far left": page(
    `<style>html{direction:rtl}</style><div style="width:2600px;height:600px;position:relative"><div class="my-captcha" data-box style="position:absolute;left:60px;top:80px;width:300px;height:200px;background:#dde">${SOLVE}</div></div>${script(`${GOES} addEventListener("load", () => scrollTo(-1320, 0));`)}`,
  ),
  "zoomed page": page(`<div style="zoom:1.5">${BOX}</div>${script(GOES)}`),
  "zoomed frame": { ...page(`<div style="zoom:1.25;margin:40px">${frame("{there}/frame", "")}</div>`), selected: true },
  "scaled frame": page(
    `<div style="transform:scale(0.8);transform-origin:20px 30px;margin:30px">${frame("{there}/frame", "")}</div>`,
  ),
  "frame scaled unevenly": {
    ...page(
      `<div style="transform:scale(0.7, 1.2);transform-origin:0 0;margin:30px">${frame("{there}/frame", "")}</div>`,
    ),
    selected: true,
  },
  "moved frame": page(
    `<div style="transform:translate(120.5px, 60px);margin:30px">${frame("{there}/frame", "")}</div>`,
  ),
  "frame with border and padding": page(
    frame("{there}/frame", "border:7px solid #888;margin:25px;transform:scale(0.9)"),
  ),
  "frame in frame, scaled": {
    page: {
      start: `<div style="transform:scale(0.9);transform-origin:0 0">${frame("{there}/outer", "width:700px;height:480px;margin:20px")}</div>`,
      outer: `<div style="zoom:1.1">${frame("{there}/frame", "margin:15px")}</div>${script(onWidget("solve", tellParent("solve")))}`,
      ...IN_FRAME,
    },
    found: GENERIC,
    steps: [press("solve", "solved")],
  },
  "modal dialog": page(
    `<h1>Shop</h1><dialog style="width:480px;height:320px;padding:0;border:0">${BOX}</dialog>${script(`${GOES} $("dialog").showModal();`)}`,
  ),
  "frame in a dialog": page(
    `<h1>Shop</h1><dialog style="padding:0;border:0">${frame("{there}/frame", "display:block")}</dialog>${script(`$("dialog").showModal();`)}`,
  ),
  popover: page(
    `<h1>Shop</h1><div popover style="width:480px;height:320px;padding:0;border:0">${BOX}</div>${script(`${GOES} $("[popover]").showPopover();`)}`,
  ),
  "open shadow root": page(`${HOST}${script(`${inRoot("open", BOX)} ${goesFrom("root")}`)}`),
  "closed shadow root": { ...page(`${HOST}${script(`${inRoot("closed", BOX)} ${goesFrom("root")}`)}`), selected: true },
  "closed root of an element of the site's own": page(
    `${script(`customElements.define("x-gate", class extends HTMLElement { connectedCallback() { const root = reveal(this.attachShadow({ mode: "closed" })); root.innerHTML = \`${BOX}\`; ${goesFrom("root")} } });`)}<x-gate style="position:absolute;left:150px;top:90px;width:420px;height:280px;display:block"></x-gate>`,
  ),
  "closed root that comes later": {
    ...page(`${HOST}${script(`after(1500, () => { ${inRoot("closed", BOX)} ${goesFrom("root")} settled(); });`)}`),
    found: "any",
    steps: [nobody("waiting", { until: "settled", found: GENERIC }), press("solve", "solved")],
  },
  "roots inside of roots": { ...page(nested(`["closed", "open", "closed"]`)), selected: true },
  "roots 50 deep": page(nested(`Array.from({ length: 50 }, (_, at) => at % 2 ? "open" : "closed")`)),
  "frame in a closed root": {
    ...page(
      `${HOST}${script(`${inRoot("closed", `<iframe src="{there}/frame" style="border:0;width:420px;height:280px"></iframe>`)} ${onWidget("solve", "success();")}`)}`,
    ),
    selected: true,
  },
  "frame in nested closed roots": page(
    `${HOST}${script(`const first = reveal($("#host").attachShadow({ mode: "closed" })); first.innerHTML = '<x-in style="display:block"></x-in>'; const second = reveal(first.firstChild.attachShadow({ mode: "closed" })); second.innerHTML = '<iframe src="{there}/frame" style="border:0;width:420px;height:280px"></iframe>'; ${onWidget("solve", "success();")}`)}`,
  ),
  "closed root in a frame": {
    page: {
      start: frame("{there}/rooted", "margin:30px;width:700px;height:420px"),
      rooted: `${HOST}${script(`${inRoot("closed", BOX)} act("solve", () => { root.querySelector(".my-captcha").remove(); ${tellParent("solve")}; }, root);`)}`,
    },
    found: GENERIC,
    steps: [press("solve", "solved")],
  },
  "token in a closed root": {
    page: `<form><div class="h-captcha" data-box style="position:absolute;left:200px;top:120px;width:303px;height:78px;background:#dde"></div></form>
      ${script(`const root = reveal($(".h-captcha").attachShadow({ mode: "closed" })); root.innerHTML = '${SOLVE}<textarea name="h-captcha-response" style="display:none"></textarea>';
      act("solve", () => { root.querySelector("textarea").value = "token"; success(); }, root);`)}`,
    found: foundAs("hcaptcha"),
    steps: [nobody("waiting"), press("solve", "solved")],
    selected: true,
  },
  // Elements without a box of their own, and those that have only that of their line.
  "a host without a box": {
    ...page(
      `<div class="my-captcha" style="display:contents">${box("", SOLVE, AT)}</div>${script(`act("solve", () => { $("[data-box]").remove(); success(); });`)}`,
    ),
    selected: true,
  },
  "a host without a box, with slots": page(
    `<div data-box style="position:absolute;left:120px;top:80px;width:420px;height:260px;pointer-events:none"></div>
     <x-gate class="my-captcha" style="display:contents"><div slot="task" style="position:absolute;left:120px;top:140px;width:300px;height:200px;background:#dde">${SOLVE}</div></x-gate>
     ${script(`const root = $("x-gate").attachShadow({ mode: "closed" }); root.innerHTML = '<div style="position:absolute;left:440px;top:80px;width:100px;height:40px;background:#eed">head</div><slot name="task"></slot><slot name="none"><div style="display:none">nothing</div></slot>';
     act("solve", () => { root.replaceChildren(); success(); });`)}`,
  ),
  "a host without a box, scrolled to": page(
    `<div style="height:3000px"><div class="my-captcha" style="display:contents">${box("", SOLVE, { ...AT, y: 1900 })}</div></div>${script(`act("solve", () => { $("[data-box]").remove(); success(); });`)}`,
  ),
  "a host without a box, and a token": {
    page: `<form><div class="h-captcha" style="display:contents"><div data-box style="position:absolute;left:200px;top:120px;width:303px;height:78px;background:#dde">${SOLVE}</div><textarea name="h-captcha-response" style="display:none"></textarea></div></form>
      ${script(`act("solve", () => { $("textarea").value = "token"; success(); });`)}`,
    found: foundAs("hcaptcha"),
    steps: [nobody("waiting"), press("solve", "solved")],
  },
  "a host in a line": {
    ...page(
      `<p style="margin:90px">Words <my-captcha class="my-captcha"></my-captcha> and words.</p>${script(`const root = reveal($("my-captcha").attachShadow({ mode: "closed" })); root.innerHTML = '<div data-box style="display:inline-block;width:300px;height:180px;background:#dde">${SOLVE}</div>'; act("solve", () => { $("my-captcha").remove(); success(); }, root);`)}`,
    ),
    selected: true,
  },
  "a host in a line, with a block": page(
    `<div style="margin:90px"><my-captcha class="my-captcha"><div data-box style="width:320px;height:180px;background:#dde">${SOLVE}</div></my-captcha></div>${script(`act("solve", () => { $("[data-box]").remove(); success(); });`)}`,
  ),
  "a host in a line, with a frame": page(
    `<p style="margin:60px">Words <span class="my-captcha"><iframe data-box src="{there}/widget" style="border:0;width:320px;height:200px"></iframe></span></p>${script(`${onWidget("solve", `$("iframe").remove(); success();`)}`)}`,
  ),
  "a host without a box, hidden": {
    page: `<h1>Shop</h1><div style="opacity:0"><div class="my-captcha" style="display:contents">words ${box("", SOLVE, AT)}</div></div><div class="other-captcha" style="display:contents"><div style="position:absolute;left:-900px;width:300px;height:200px">words</div></div><div class="third-captcha" style="display:contents;visibility:hidden">words</div>${script("settled()")}`,
    found: null,
    steps: [nobody("waiting")],
  },
  srcdoc: page(
    `${script(`addEventListener("load", () => { const frame = document.createElement("iframe"); frame.style.cssText = "border:0;width:500px;height:320px;margin:40px"; frame.srcdoc = ${"`"}<script src="{here}/~page.js"><\\/script>${BOX}<script>${`act("solve", () => { $(".my-captcha").remove(); ${tellParent("solve")}; });`}<\\/script>${"`"}; document.body.append(frame); }); ${onWidget("solve", "success();")}`)}`,
  ),
  blob: {
    ...page(
      `${script(`addEventListener("load", () => { const frame = document.createElement("iframe"); frame.style.cssText = "border:0;width:500px;height:320px;margin:40px"; frame.src = URL.createObjectURL(new Blob([${"`"}<!doctype html><body style="margin:0"><script src="{here}/~page.js"><\\/script>${BOX}<script>${`act("solve", () => { $(".my-captcha").remove(); ${tellParent("solve")}; });`}<\\/script>${"`"}], { type: "text/html" })); document.body.append(frame); }); ${onWidget("solve", "success();")}`)}`,
    ),
    selected: true,
  },
  "a large page": page(
    `${BOX}${script(`${GOES} const list = document.createElement("div"); list.style.cssText = "position:absolute;top:900px"; list.innerHTML = "<p>word</p>".repeat(3000); document.body.append(list); for (let at = 0; at < 20; at += 1) { const host = document.createElement("x-part"); list.append(host); host.attachShadow({ mode: "closed" }).innerHTML = "<b>part</b>"; }`)}`,
  ),
  "10,000 matches": page(
    `${BOX}${script(`${GOES} const list = document.createElement("div"); list.style.cssText = "position:absolute;top:900px"; list.innerHTML = '<i class="captcha-label">x</i>'.repeat(10000); document.body.append(list);`)}`,
  ),
});
