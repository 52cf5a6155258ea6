/** How kinds of widgets behave, without their looks: each pattern gives the states that make sense for it. */
import {
  type Answer,
  CLOSE,
  confirmsDone,
  type Doc,
  IN_PLACE,
  nobody,
  onWidget,
  type PageSpec,
  type Place,
  press,
  SOLVE,
  saysDone,
  script,
  styleOf,
  type Visit,
  WRONG,
} from "./page.ts";

/** The pages of some states. */
type States<Name extends string> = Readonly<Record<Name, PageSpec>>;

/** How long a sign of success is there before the box goes. */
const SIGN_MS = 600;

const FAILS_IN_PLACE = `act("wrong", () => after(200, settled));`;

/** The box is taken out and put back, as after a new task. */
function comesBack(root: string): string {
  return `act("wrong", () => {
    const old = $('${root}');
    const place = old.parentNode;
    const next = old.nextSibling;
    const copy = old.cloneNode(true);
    old.remove();
    after(300, () => { place.insertBefore(copy, next); settled(); });
  });`;
}

function closes(root: string): string {
  return `act("close", () => { $('${root}').remove(); settled(); });`;
}

/** A dialog that shows a sign of success for a moment, then goes. It has a button that closes it. */
export function popupWithSign(given: {
  html: string;
  root: string;
  sign: string;
  signMs?: number;
}): States<"shown" | "failed" | "closed"> {
  const { html, root, sign, signMs = SIGN_MS } = given;
  const page = `${html}${script(`
    act("solve", () => { ${sign} success(); after(${signMs}, () => $('${root}').remove()); });
    ${comesBack(root)}${closes(root)}`)}`;
  return {
    shown: { page, steps: [nobody("waiting"), press("solve", "solved")] },
    failed: { page, steps: [press("wrong", "waiting"), press("solve", "solved")] },
    closed: { page, steps: [press("close", "asked")] },
  };
}

/** A dialog without any sign of success: it goes, and the site's script goes on. It has a button that closes it. */
export function popupWithoutSign({
  html,
  root,
}: {
  html: string;
  root: string;
}): States<"shown" | "failed" | "closed"> {
  const page = `${html}${script(`
    act("solve", () => { $('${root}').remove(); after(100, () => { location.href = "{here}/welcome"; }); });
    ${comesBack(root)}${closes(root)}`)}`;
  return {
    shown: { page, steps: [nobody("waiting"), press("solve", "solved")] },
    failed: { page, steps: [press("wrong", "waiting"), press("solve", "solved")] },
    closed: { page, steps: [press("close", "asked")] },
  };
}

/** A box that nobody can close: it goes when it is solved. */
export function goesWhenSolved({ html, root }: { html: string; root: string }): States<"shown" | "failed"> {
  const page = `${html}${script(`
    act("solve", () => { $('${root}').remove(); success(); });
    ${comesBack(root)}`)}`;
  return {
    shown: { page, steps: [nobody("waiting"), press("solve", "solved")] },
    failed: { page, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  };
}

/** A box that stays, and says by a class that it is solved. */
export function staysWithSign({
  html,
  sign,
  fail = "",
}: {
  html: string;
  sign: string;
  fail?: string;
}): States<"shown" | "failed"> {
  const page = `${html}${script(`
    act("solve", () => { ${sign} success(); });
    act("wrong", () => { ${fail} after(200, settled); });`)}`;
  return {
    shown: { page, steps: [nobody("waiting"), press("solve", "solved")] },
    failed: { page, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  };
}

/** A widget in place that fills a field when it is solved. `field`: the field's element, or a script that makes it. */
export function fillsField({
  html,
  field,
  old = "old",
}: {
  html: string;
  field: string;
  old?: string;
}): States<"shown" | "failed" | "expired"> {
  const fills = `act("solve", () => { $('${field}').value = "answer"; success(); });`;
  const page = `${html}${script(`${fills}${FAILS_IN_PLACE}`)}`;
  return {
    shown: { page, steps: [nobody("waiting"), press("solve", "solved")] },
    failed: { page, steps: [press("wrong", "waiting"), press("solve", "solved")] },
    expired: {
      page: `${html}${script(`
        $('${field}').value = "${old}";
        after(900, () => { $('${field}').value = ""; settled(); });
        ${fills}`)}`,
      steps: [nobody("waiting", { until: "settled" }), press("solve", "solved")],
    },
  };
}

/** The document of a widget's frame: what is pressed in it, it sends to the document around it. */
export const WIDGET_FRAME = `${SOLVE}${WRONG}${CLOSE}${script(`
  for (const widget of ["solve", "wrong", "close"]) act(widget, () => parent.postMessage({ widget }, "*"));`)}`;

interface Framed {
  /** Path of the frame's document, with its query and fragment; it is on another host. */
  readonly src: string;
  /** Attributes of the frame's element. */
  readonly attributes?: string;
  readonly place?: Place;
  /** HTML around the frame: `FRAME` stands for it. */
  readonly html?: string;
  /** A field that the answer is put in; left out: the frame goes. */
  readonly field?: string;
  /** The frame goes, and the site's script goes on; otherwise it stays where it is. */
  readonly goesOn?: boolean;
  /** What goes with the frame. */
  readonly root?: string;
}

/** A widget in a frame of another site. A wrong answer loads the frame again, or another one in its place. */
export function framed(given: Framed): States<"shown" | "failed" | "retry"> & Partial<States<"closed">> {
  const { src, attributes = "", place = IN_PLACE, html = "FRAME", field, goesOn = false } = given;
  const { root = "iframe" } = given;
  const element = `<iframe data-box ${attributes} src="{there}/${src}" style="${styleOf(place, "border:0;")}"></iframe>`;
  const path = src.replace(/[?#].*$/, "");
  const solved =
    field !== undefined
      ? `$('${field}').value = "answer"; success();`
      : goesOn
        ? `$('${root}').remove(); after(100, () => { location.href = "{here}/welcome"; });`
        : `$('${root}').remove(); success();`;
  const pageWith = (failed: string): Readonly<Record<string, Doc>> => ({
    start: `${html.replace("FRAME", element)}${script(`
      ${onWidget("solve", solved)}
      ${onWidget("wrong", failed)}
      ${onWidget("close", `$('${root}').remove(); settled();`)}`)}`,
    [path]: WIDGET_FRAME,
  });
  const reloads = pageWith(`const frame = $("iframe[data-box]"); frame.src = frame.src.replace(/(#.*)?$/, "&again=1$1");
    frame.onload = () => settled();`);
  const another =
    pageWith(`const old = $("iframe[data-box]"); const next = old.cloneNode(); const place = old.parentNode;
    old.remove(); after(400, () => { place.append(next); next.onload = () => settled(); });`);
  const states = {
    shown: { page: reloads, steps: [nobody("waiting"), press("solve", "solved")] },
    failed: {
      page: src.includes("?") ? reloads : another,
      steps: [press("wrong", "waiting"), press("solve", "solved")],
    },
    retry: { page: another, steps: [press("wrong", "waiting"), press("solve", "solved")] },
  };
  return goesOn ? { ...states, closed: { page: reloads, steps: [press("close", "asked")] } } : states;
}

interface Wall {
  /** HTML of the wall, with a mark "solve" or a widget's frame in it. */
  readonly html: string;
  readonly status: number;
  /** The path of the main document. */
  readonly path?: string;
  readonly documents?: Readonly<Record<string, Doc>>;
}

const PASSES = `
  const pass = async () => { await flag("passed"); location.reload(); };
  const again = () => location.reload();
  act("solve", pass);
  act("wrong", again);
  ${onWidget("solve", "pass();")}
  ${onWidget("wrong", "again();")}`;

const WELCOME = `<h1>Welcome</h1>${script(`addEventListener("load", () => success());`)}`;

/** A page in place of the one that was wanted, with this status: it loads again when it is passed, and after a wrong answer. */
export function wall({ html, status, path = "start", documents = {} }: Wall): States<"shown" | "failed" | "broken"> {
  const doc = (visit: Visit): Answer => {
    if (visit.flags.has("passed")) return { body: WELCOME };
    const told = visit.count > 1 ? `addEventListener("load", () => settled());` : "";
    return { status, body: `${html}${script(`${PASSES}${told}`)}` };
  };
  const failing = (visit: Visit): Answer =>
    visit.flags.has("passed")
      ? { status: 502, body: `<h1>Bad</h1>${script(`addEventListener("load", () => settled());`)}` }
      : doc(visit);
  const withStart = (start: Doc) => ({ ...documents, [path]: start });
  return {
    shown: { page: withStart(doc), start: path, steps: [nobody("waiting"), press("solve", "solved")] },
    failed: { page: withStart(doc), start: path, steps: [press("wrong", "waiting"), press("solve", "solved")] },
    broken: { page: withStart(failing), start: path, steps: [press("solve", "waiting")] },
  };
}

/** A wall that nobody has to act on: it passes by itself after a while. */
export function passesByItself({ html, status, path = "start", documents = {} }: Wall, found?: null | "any"): PageSpec {
  return {
    page: {
      ...documents,
      [path]: (visit) =>
        visit.flags.has("passed")
          ? { body: WELCOME }
          : {
              status,
              body: `${html}${script(`after(2000, async () => { await flag("passed"); location.reload(); });`)}`,
            },
    },
    start: path,
    ...(found !== undefined && { found }),
    steps: [nobody("solved", { how: "by_itself" })],
  };
}

/** A text that is typed into the site's own form: it is judged when that is sent, and a new picture comes when it is wrong. */
export function typedAndSent({ html, name }: { html: string; name: string }): States<"shown" | "failed" | "stays"> {
  const form = (visit: Visit) =>
    `<form action="{here}/start" method="post">${html}<button data-act="send">send</button></form>
     ${script(visit.count > 1 ? `addEventListener("load", () => settled());` : "")}`;
  const start = (visit: Visit) => (visit.flags.has("right") ? WELCOME : form(visit));
  const withFlag = (right: boolean) => (visit: Visit) =>
    `${start(visit)}${script(right ? `const field = $("[name='${name}']"); field?.addEventListener("input", () => { if (field.value === "marble") flag("right").then(() => tell("typed")); });` : "")}`;
  return {
    shown: {
      page: withFlag(true),
      steps: [nobody("waiting"), press("word", "waiting", { until: "typed" }), press("send", "solved")],
    },
    failed: { page: withFlag(false), steps: [press("word", null), press("send", "waiting")] },
    stays: {
      page: `${html}<button data-act="check">check</button>${script(`act("check", settled);`)}`,
      steps: [press("word", null), press("check", "asked"), saysDone("asked"), confirmsDone("operator")],
    },
  };
}
