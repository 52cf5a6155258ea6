/** What a page of the corpus is: its documents, where its challenge is, and which verdict is right after each act. */
/** What the site knows when a document is requested. */
export interface Visit {
  /** How often this path was requested in this run, this time included. */
  readonly count: number;
  /** What the page has remembered with flag(). */
  readonly flags: ReadonlySet<string>;
  readonly method: string;
  readonly query: URLSearchParams;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly delayMs?: number;
}

/** HTML of a body, or what answers a request. `{here}` and `{there}` become the folder of the run on this and the other host. */
export type Doc = string | ((visit: Visit) => string | Answer);

/**
 * waiting: nothing is concluded. asked: nothing is concluded, and the person is asked. solved: by the rules.
 * operator: solved by the person's word.
 */
export type Right = "waiting" | "asked" | "solved" | "operator";

export interface Found {
  /** As on the wire. */
  readonly kind: string;
}

interface StepBase {
  /** The verdict after the act; null: not looked at. */
  readonly right: Right | null;
  /** What the page reports when its story after this act is over. */
  readonly until?: string;
  /** What is found after the act; left out: not looked at. */
  readonly found?: Found | null;
  /** How the evidence says that the verdict is known. */
  readonly how?: "submitted" | "by_itself";
}

export type Step = StepBase &
  (
    | { readonly act: "nobody" }
    /** A person presses what the page marks with this name, and types its text where it has one. */
    | { readonly act: "press"; readonly mark: string }
    /** The bot's own hand on its page. */
    | { readonly act: "bot"; readonly what: "reload" | "back" | "forward" | "address" }
    /** The person says Done, the second time with their confirmation. */
    | { readonly act: "finish"; readonly confirm: boolean }
  );

export interface CorpusPage {
  /** Its kind, or the name of its traps, and its state. */
  readonly name: string;
  /** The line of the table that it counts for. */
  readonly group: string;
  readonly documents: Readonly<Record<string, Doc>>;
  /** The path that the session opens. */
  readonly start: string;
  /** What is found once the page is open; null: no challenge; "any": not looked at. */
  readonly found: Found | null | "any";
  readonly steps: readonly Step[];
  /** Completion rules as a bot writes them. */
  readonly rules?: object;
  /** The page is in the bot's own browser. */
  readonly guest: boolean;
  /** One of the selection that `npm test` runs. */
  readonly selected: boolean;
}

type More = Omit<StepBase, "right">;

export function nobody(right: Right | null, more: More = {}): Step {
  return { act: "nobody", right, ...more };
}

export function press(mark: string, right: Right | null, more: More = {}): Step {
  return { act: "press", mark, right, ...more };
}

export function bot(what: "reload" | "back" | "forward" | "address", right: Right | null, more: More = {}): Step {
  return { act: "bot", what, right, ...more };
}

export function saysDone(right: Right | null, more: More = {}): Step {
  return { act: "finish", confirm: false, right, ...more };
}

export function confirmsDone(right: Right | null, more: More = {}): Step {
  return { act: "finish", confirm: true, right, ...more };
}

/** What a file of kinds or traps says of a page; the rest follows. */
export interface PageSpec {
  /** The main document, or all documents by path. */
  readonly page: Doc | Readonly<Record<string, Doc>>;
  readonly start?: string;
  /** Left out: a challenge of the file's kind. */
  readonly found?: Found | null | "any";
  readonly steps: readonly Step[];
  /** Completion rules as a bot writes them. */
  readonly rules?: object;
  readonly guest?: boolean;
  readonly selected?: boolean;
}

/** The names on the wire of kinds that had a name before. */
const WIRE_NAMES: Readonly<Record<string, string>> = { "aliyun-scratch": "scratch-card", "aliyun-nc": "nocaptcha" };

export function foundAs(kind: string): Found {
  return { kind: WIRE_NAMES[kind] ?? kind };
}

/** The pages of one kind by state. `shown` is also left by a link: that proves nothing. */
export function pagesOfKind(kind: string, states: Readonly<Record<string, PageSpec>>): readonly CorpusPage[] {
  const pages = Object.entries(states).map(([state, spec]) => pageOf(kind, state, spec, foundAs(kind)));
  const { shown } = states;
  if (!shown) throw new Error(`${kind} has no state "shown".`);
  return [...pages, pageOf(kind, "left", withLink(shown), foundAs(kind))];
}

/** Pages that are hard to judge. */
export function traps(group: string, pages: Readonly<Record<string, PageSpec>>): readonly CorpusPage[] {
  return Object.entries(pages).map(([name, spec]) => pageOf(group, name, spec, null));
}

function pageOf(group: string, state: string, spec: PageSpec, found: Found | null): CorpusPage {
  const documents = typeof spec.page === "object" ? spec.page : { [spec.start ?? "start"]: spec.page };
  const { steps, rules, guest = false, selected = false, start = "start" } = spec;
  return {
    name: `${group}/${state}`,
    group,
    documents,
    start,
    found: spec.found === undefined ? found : spec.found,
    steps,
    ...(rules && { rules }),
    guest,
    selected,
  };
}

/** The same page, left by a link that is no part of the challenge: the page moves on, and nobody knows why. */
function withLink(spec: PageSpec): PageSpec {
  const start = spec.start ?? "start";
  const documents = typeof spec.page === "object" ? spec.page : { [start]: spec.page };
  const doc = documents[start] ?? "";
  const linked: Doc = typeof doc === "string" ? doc + LINK : (visit) => addLink(doc(visit));
  const { rules } = spec;
  return {
    page: { ...documents, [start]: linked },
    start,
    steps: [press("link", "asked")],
    ...(spec.found !== undefined && { found: spec.found }),
    ...(rules && { rules }),
  };
}

function addLink(answer: string | Answer): string | Answer {
  return typeof answer === "string" ? answer + LINK : { ...answer, body: (answer.body ?? "") + LINK };
}

/** Above everything, in the lower left corner. */
export const LINK = `<a data-act="link" href="{here}/elsewhere"
  style="position:fixed;left:8px;bottom:8px;z-index:2147483647;display:block;background:#fff">terms</a>`;

const PICTURE: Answer = {
  headers: { "content-type": "image/svg+xml" },
  body: `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="60"><rect width="200" height="60" fill="#cdc"/></svg>`,
};

/** Documents that every page has. */
export const COMMON_DOCUMENTS: Readonly<Record<string, Doc>> = {
  elsewhere: `<h1>Terms</h1><p>Words, words.</p>
    <button data-act="back">back</button><button data-act="forward">on</button>
    <script>
      act("back", () => history.back());
      addEventListener("pageshow", () => settled());
    </script>`,
  welcome: `<h1>Welcome</h1><script>addEventListener("load", () => success())</script>`,
  plain: `<h1>Shop</h1>`,
  broken: () => ({
    status: 500,
    body: `<h1>Something broke</h1><script>addEventListener("load", () => settled())</script>`,
  }),
  picture: () => PICTURE,
  "captcha.png": () => PICTURE,
};

// Words of HTML that many pages share.

export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Where a widget in place is, CSS px. */
export const IN_PLACE: Place = { x: 200, y: 120, width: 300, height: 80 };
/** Where a popup is. */
export const POPUP: Place = { x: 440, y: 180, width: 360, height: 300 };

export function styleOf({ x, y, width, height }: Place, more = ""): string {
  return `position:absolute;box-sizing:border-box;left:${x}px;top:${y}px;width:${width}px;height:${height}px;background:#dde;${more}`;
}

/** An element that is the challenge's box. `attributes` as in HTML, with the element's name where it is no div. */
export function box(attributes: string, inner: string, place: Place = IN_PLACE, more = ""): string {
  return `<div data-box ${attributes} style="${styleOf(place, more)}">${inner}</div>`;
}

/** A frame that is the challenge's box. */
export function frameBox(src: string, attributes = "", place: Place = IN_PLACE, more = ""): string {
  return `<iframe data-box ${attributes} src="${src}" style="${styleOf(place, `border:0;${more}`)}"></iframe>`;
}

/** A button that is pressed by this name. */
export function button(mark: string, attributes = ""): string {
  return `<button type="button" data-act="${mark}" ${attributes}>${mark}</button>`;
}

export const SOLVE = button("solve");
export const WRONG = button("wrong");
export const CLOSE = button("close");

export function script(text: string): string {
  return `<script>${text}</script>`;
}

/** What a frame's document sends to the document around it. */
export function tellParent(what: string): string {
  return `parent.postMessage({ widget: "${what}" }, "*")`;
}

/** Runs when a frame has sent this. */
export function onWidget(what: string, run: string): string {
  return `addEventListener("message", ({ data }) => { if (data?.widget === "${what}") { ${run} } });`;
}
