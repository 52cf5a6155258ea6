/**
 * The scanner that runs inside each frame, in an isolated world. It is sent as text once for each document, so it uses
 * nothing from outside of itself. It only reads: nothing is added to or changed in the page.
 */
import type { Rect } from "../../protocol/common.ts";
import type { ListenerWorld } from "./in-page-listener.ts";

/** A necessary condition on the elements that a selector can match, so that few elements are compared with it. */
export type SelectorKey =
  | { readonly by: "id" | "class" | "tag"; readonly name: string }
  /** Part of the id or the class attribute, in lower case. */
  | { readonly by: "id-part" | "class-part"; readonly name: string }
  | { readonly by: "any" };

export interface KeyedSelector {
  readonly selector: string;
  readonly key: SelectorKey;
  /** A selector that must have a match in the same root; null: none need. */
  readonly gate: string | null;
}

/** What the scanner needs to know of one kind. */
export interface KindQuestion {
  readonly selectors: readonly KeyedSelector[];
  /** Selector lists for closest(); empty: none. */
  readonly notWhen: string;
  readonly working: string;
  /** The `visible` rules, each with its index in `done`. */
  readonly signs: readonly (KeyedSelector & { readonly done: number })[];
  /** The `value` rules; `noAnswer` is a regular expression of values that are no answer. */
  readonly fields: readonly (KeyedSelector & { readonly done: number; readonly noAnswer: string | null })[];
}

export interface ScanQuestion {
  readonly kinds: readonly KindQuestion[];
  /** Selectors of the bot's rules, to find visible matches of. */
  readonly boxes: readonly string[];
  /** For each of them whether a rule holds while it is visible. */
  readonly visible: readonly boolean[];
  /** Selectors of form fields of the bot's rules. */
  readonly values: readonly string[];
  /** The kinds' response fields by name; `noAnswer` as in KindQuestion. */
  readonly named: readonly { readonly name: string; readonly noAnswer: string | null }[];
}

/** shown: a person can act on it. badge: it is no challenge. working: it does its work by itself. */
export type MatchState = "shown" | "badge" | "working";

/** A visible match of a kind's selector. */
export interface KindMatch {
  /** Index of the selector; null: the element is a frame that the kind knows by its URL. */
  readonly selector: number | null;
  /** Number of the element, and of the outermost match around it: the widget. The same at each scan of a document. */
  readonly id: number;
  readonly widget: number;
  /** Whether the widget is a frame's element, with nothing of the kind around it. */
  readonly isFrame: boolean;
  /** In the frame's own CSS px. */
  readonly box: Rect;
  readonly state: MatchState;
}

/** A sign of success or a response field. */
export interface KindSign {
  readonly done: number;
  readonly id: number;
  /** The widgets that it is nearest to; several: it cannot be told which one it belongs to. */
  readonly owners: readonly number[];
  /** For a response field: whether it has an answer. A sign is there only while it is visible. */
  readonly isAnswered: boolean;
}

export interface KindAnswer {
  readonly kind: number;
  readonly matches: readonly KindMatch[];
  readonly signs: readonly KindSign[];
  /** The widgets that are badges. */
  readonly badges: readonly number[];
}

export interface ScanAnswer {
  /** For how long the guard has seen what this scan has found, without a change; 0 without a guard. */
  readonly sameForMs: number;
  /** Loaded with all that it waits for. */
  readonly ready: boolean;
  /** Its markup is read to the end. */
  readonly isParsed: boolean;
  /** The browser's own error page. */
  readonly isBrowserError: boolean;
  /** Of the document that has answered: its frame may have been listed with the one before. "null": it has none. */
  readonly origin: string;
  /** The HTTP status of the document; 0: not known. */
  readonly status: number;
  /** What its markup says in place of a Refresh header. */
  readonly refreshes: readonly string[];
  readonly scrollX: number;
  readonly scrollY: number;
  readonly width: number;
  readonly height: number;
  /** In a background tab: the browser draws nothing of it. */
  readonly hidden: boolean;
  /** For each of the bot's selectors the boxes of its matches, in the frame's own CSS px. */
  readonly boxes: readonly (readonly Rect[])[];
  /** For each of the bot's field selectors whether a match has a value. */
  readonly filled: readonly boolean[];
  readonly kinds: readonly KindAnswer[];
  /** The names of response fields that have an answer anywhere in the document. */
  readonly answered: readonly string[];
  /** A change from here on is told by itself (in-page-listener.ts), unless it is one of the known fields'. */
  readonly listens: boolean;
  /** Whether it has fields whose values count: a script that sets one makes no sound. */
  readonly hasFields: boolean;
}

export interface Scanner {
  /** The question that it was made for. */
  readonly version: number;
  /** The widgets of the last scan, by kind, each with its number. */
  readonly widgets: ReadonlyMap<number, ReadonlyMap<Element, number>>;
  /**
   * Scans the document. `guardMs`: for how long after this scan what is visible for a moment only is kept for the next
   * one; 0: not at all. `tickMs`: how often it is looked for. `isRipening`: challenges that were visible for a moment
   * since the last scan count, not only what says that one is solved. `listens`: what changes from here on is to be told.
   */
  scan(guardMs: number, tickMs: number, isRipening: boolean, listens: boolean): ScanAnswer;
  /** Whether a field, or the document's address, says something else than at the last scan. */
  hasChanged(): boolean;
  /** Takes note that this element is a frame that a kind knows by its URL; returns the element's number. */
  note(element: Element, kind: number): number;
}

/** The global object of the isolated world. */
export type ScannerWorld = ListenerWorld & {
  captchaRemoteScanner?: Scanner;
  captchaRemotePasswords?: WeakSet<Element>;
};

/**
 * Makes the scanner of a document and keeps it in the isolated world. `isParked` and `shownBox` are those of
 * in-page-visibility.ts.
 */
export function makeScanner(
  { version, question }: { version: number; question: ScanQuestion },
  isParked: (element: Element) => boolean,
  shownBox: (
    element: Element,
    isParked: (element: Element) => boolean,
    rootOf: (host: Element) => ShadowRoot | null,
  ) => Rect | null,
): void {
  const MAX_MATCHES = 20;
  const MAX_SIGNS = 200;
  const MAX_REFRESHES = 10;
  /** More elements without a size than this are not asked for what is rendered in them. */
  const MAX_UNSIZED = 200;
  /** More elements than this are not compared with a kind's other rules. */
  const MAX_MATCHED = 100;
  const MAX_FIELDS = 300;
  type Use = {
    kind: number;
    selector: number | null;
    done: number | null;
    noAnswer: RegExp | null;
    text: string;
    gate: string | null;
  };
  interface Found {
    readonly matched: Map<Element, number | null>;
    readonly signs: { element: Element; use: Use }[];
  }
  interface Field {
    readonly element: Element;
    readonly noAnswer: RegExp | null;
    readonly isAnswered: boolean;
  }
  interface Glimpse {
    boxes: Map<number, Rect[]>;
    kinds: Map<number, Map<number, KindMatch>>;
    signs: Map<number, Map<number, KindSign>>;
  }
  const world = globalThis as ScannerWorld;
  const attributeOf = Element.prototype.getAttribute;
  const numbers = new WeakMap<Element, number>();
  let lastNumber = 0;
  const numberOf = (element: Element): number => {
    const known = numbers.get(element);
    if (known !== undefined) return known;
    lastNumber += 1;
    numbers.set(element, lastNumber);
    return lastNumber;
  };
  const named = question.named.map(({ name, noAnswer }) => ({
    name,
    noAnswer: noAnswer === null ? null : new RegExp(noAnswer),
  }));
  const shownWidgets = new Map<number, Map<Element, number>>();
  /** Frames that a kind knows by their URL. */
  const noted = new Map<Element, Set<number>>();
  // A password field that the page shows as text later is still secret (masking/in-page-recorder.ts).
  world.captchaRemotePasswords ??= new WeakSet();
  const passwords = world.captchaRemotePasswords;

  // Which selectors an element with this id, class or tag is compared with.
  const byId = new Map<string, Use[]>();
  const byClass = new Map<string, Use[]>();
  const byTag = new Map<string, Use[]>();
  const idParts: [string, Use][] = [];
  const classParts: [string, Use][] = [];
  const others: Use[] = [];
  const add = ({ selector: text, key, gate }: KeyedSelector, rest: Omit<Use, "text" | "gate">) => {
    const use = { ...rest, text, gate };
    const lists = { id: byId, class: byClass, tag: byTag };
    if (key.by === "any") others.push(use);
    else if (key.by === "id-part") idParts.push([key.name, use]);
    else if (key.by === "class-part") classParts.push([key.name, use]);
    else lists[key.by].set(key.name, [...(lists[key.by].get(key.name) ?? []), use]);
  };
  for (const [kind, { selectors, signs, fields }] of question.kinds.entries()) {
    for (const [selector, keyed] of selectors.entries()) add(keyed, { kind, selector, done: null, noAnswer: null });
    for (const sign of signs) add(sign, { kind, selector: null, done: sign.done, noAnswer: null });
    for (const field of fields) {
      const noAnswer = new RegExp(field.noAnswer ?? "^$");
      add(field, { kind, selector: null, done: field.done, noAnswer });
    }
  }
  const NONE: readonly Use[] = [];
  /** A document has few different ids and classes, and each is looked up once. */
  const MAX_REMEMBERED = 20_000;
  const usesOfId = new Map<string, readonly Use[]>();
  const usesOfClass = new Map<string, readonly Use[]>();
  const remembered = (map: Map<string, readonly Use[]>, text: string, find: () => Use[]): readonly Use[] => {
    const known = map.get(text);
    if (known) return known;
    const uses = find();
    if (map.size >= MAX_REMEMBERED) map.clear();
    map.set(text, uses.length > 0 ? uses : NONE);
    return uses;
  };
  const partsIn = (parts: [string, Use][], text: string): Use[] => {
    const lower = text.toLowerCase();
    return parts.filter(([part]) => lower.includes(part)).map(([, use]) => use);
  };
  const idUses = (id: string) => remembered(usesOfId, id, () => [...(byId.get(id) ?? []), ...partsIn(idParts, id)]);
  const classUses = (classes: string) =>
    remembered(usesOfClass, classes, () => [
      ...[...new Set(classes.split(/\s+/))].flatMap((name) => byClass.get(name) ?? []),
      ...partsIn(classParts, classes),
    ]);

  const parentOf = (element: Element): Element | null => {
    if (element.parentElement) return element.parentElement;
    const root = element.getRootNode();
    return root instanceof ShadowRoot ? root.host : null;
  };
  /** As closest(), through shadow roots. */
  const isIn = (element: Element, selectors: string): boolean => {
    if (selectors === "") return false;
    for (let at: Element | null = element; at; ) {
      if (at.closest(selectors)) return true;
      const root: Node = at.getRootNode();
      at = root instanceof ShadowRoot ? root.host : null;
    }
    return false;
  };
  const rootOf = (host: Element): ShadowRoot | null => {
    if (host.shadowRoot) return host.shadowRoot;
    for (const root of world.captchaRemoteRoots ?? []) if (root.host === host) return root;
    return null;
  };
  /** Its box where it is visible; else null. */
  const boxOf = (element: Element): Rect | null => shownBox(element, isParked, rootOf);
  const isPage = (element: Element) => element === document.documentElement || element === document.body;

  const liveRoots = (): ParentNode[] => [
    document,
    ...[...(world.captchaRemoteRoots ?? [])].filter((root) => root.isConnected && root.ownerDocument === document),
  ];

  const findKinds = (): Map<number, Found> => {
    const found = new Map<number, Found>();
    const of = (kind: number): Found => {
      const known = found.get(kind);
      if (known) return known;
      const made: Found = { matched: new Map(), signs: [] };
      found.set(kind, made);
      return made;
    };
    const gates = new Map<string, boolean>();
    let root: ParentNode = document;
    const isOpen = (gate: string): boolean => {
      const known = gates.get(gate);
      if (known !== undefined) return known;
      const isThere = root.querySelector(gate) !== null;
      gates.set(gate, isThere);
      return isThere;
    };
    const compare = (element: Element, uses: readonly Use[]) => {
      for (const use of uses) {
        if ((use.gate !== null && !isOpen(use.gate)) || !element.matches(use.text)) continue;
        if (use.done !== null) {
          const { signs } = of(use.kind);
          if (signs.length < MAX_SIGNS) signs.push({ element, use });
        } else if (!isPage(element)) {
          const { matched } = of(use.kind);
          // Hidden ones, without end perhaps, leave room for those that show.
          const isFull = matched.size >= (element.getClientRects().length > 0 ? 2 * MAX_MATCHED : MAX_MATCHED);
          if (isFull && !matched.has(element)) continue;
          const before = matched.get(element);
          if (before === undefined || before === null || (use.selector ?? 0) < before)
            matched.set(element, use.selector);
        }
      }
    };
    for (const each of liveRoots()) {
      root = each;
      gates.clear();
      for (const element of root.querySelectorAll("*")) {
        // A form has its fields as properties: one that is named "id", say.
        const id = typeof element.id === "string" ? element.id : attributeOf.call(element, "id");
        if (id) compare(element, idUses(id));
        const classes = attributeOf.call(element, "class");
        if (classes) compare(element, classUses(classes));
        const tag = byTag.get(element.localName);
        if (tag) compare(element, tag);
      }
      const open = others.filter(({ gate }) => gate === null || isOpen(gate));
      if (open.length === 0) continue;
      const any = [...new Set(open.map(({ text }) => text))].join(",");
      for (const element of root.querySelectorAll(any)) compare(element, open);
    }
    for (const [element, kinds] of noted) {
      if (!element.isConnected) noted.delete(element);
      else for (const kind of kinds) if (!of(kind).matched.has(element)) of(kind).matched.set(element, null);
    }
    return found;
  };

  /** The fields that the last look has read, and those of the last scan with the address of then. */
  let fields: Field[] = [];
  let known: { fields: readonly Field[]; address: string } = { fields, address: "" };
  const isAnsweredField = (element: Element, noAnswer: RegExp | null): boolean => {
    const value = "value" in element ? String(element.value) : (element.textContent ?? "");
    return value !== "" && noAnswer?.test(value.slice(0, 1_000)) !== true;
  };
  const readField = (element: Element, noAnswer: RegExp | null): boolean => {
    const isAnswered = isAnsweredField(element, noAnswer);
    if (fields.length < MAX_FIELDS) fields.push({ element, noAnswer, isAnswered });
    return isAnswered;
  };

  const answerOf = (kind: number, { matched, signs }: Found): KindAnswer => {
    const { notWhen, working } = question.kinds[kind] as KindQuestion;
    const widgetOf = (element: Element): Element => {
      let widget = element;
      for (let at: Element | null = element; at; at = parentOf(at)) if (matched.has(at)) widget = at;
      return widget;
    };
    const widgets = new Map<Element, Element>();
    for (const element of matched.keys()) widgets.set(element, widgetOf(element));
    const roots = new Set(widgets.values());
    shownWidgets.set(kind, new Map([...roots].map((root) => [root, numberOf(root)])));
    const matches: KindMatch[] = [];
    const badges = new Set<number>();
    const others = new Set<number>();
    for (const [element, selector] of matched) {
      const around = widgets.get(element) as Element;
      const widget = numberOf(around);
      const isBadge = isIn(element, notWhen);
      (isBadge ? badges : others).add(widget);
      const box = matches.length < MAX_MATCHES ? boxOf(element) : null;
      if (!box) continue;
      const state = isBadge ? "badge" : isIn(element, working) ? "working" : "shown";
      const isFrame = around.localName === "iframe";
      matches.push({ selector, id: numberOf(element), widget, isFrame, box, state });
    }
    /** The widgets in the nearest element around the sign that has any. */
    const ownersOf = (element: Element): number[] => {
      for (let at: Element | null = element; at; at = parentOf(at)) {
        const around = at;
        const isAround = (root: Element): boolean => {
          for (let up: Element | null = root; up; up = parentOf(up)) if (up === around) return true;
          return false;
        };
        const owners = [...roots].filter(isAround);
        if (owners.length > 0) return owners.map(numberOf);
      }
      return [];
    };
    const answered: KindSign[] = [];
    for (const { element, use } of signs) {
      const isField = use.noAnswer !== null;
      if (!isField && !boxOf(element)) continue;
      const isAnswered = !isField || readField(element, use.noAnswer);
      answered.push({ done: use.done ?? 0, id: numberOf(element), owners: ownersOf(element), isAnswered });
    }
    return { kind, matches, signs: answered, badges: [...badges].filter((badge) => !others.has(badge)) };
  };

  const boxesOf = (selector: string): Rect[] => {
    const boxes: Rect[] = [];
    let unsized = 0;
    for (const root of liveRoots()) {
      for (const element of root.querySelectorAll(selector)) {
        if (isPage(element)) continue;
        if (element.getClientRects().length === 0) unsized += 1;
        const box = unsized <= MAX_UNSIZED || element.getClientRects().length > 0 ? boxOf(element) : null;
        if (!box) continue;
        boxes.push(box);
        if (boxes.length >= MAX_MATCHES) return boxes;
      }
    }
    return boxes;
  };
  const isFilled = (selector: string): boolean =>
    liveRoots()
      .flatMap((root) => [...root.querySelectorAll(selector)])
      .filter((field) => "value" in field && readField(field, null)).length > 0;

  /** One walk through the document, in place of one for each name. */
  const answeredNames = (): string[] => {
    const fields = new Map<string, Element[]>(named.map(({ name }) => [name, []]));
    for (const field of document.querySelectorAll("[name]")) {
      fields.get(attributeOf.call(field, "name") ?? "")?.push(field);
    }
    const isAnswered = (field: Element, noAnswer: RegExp | null) => {
      const value = "value" in field ? String(field.value).slice(0, 1_000) : "";
      return value !== "" && noAnswer?.test(value) !== true;
    };
    return named
      .filter(({ name, noAnswer }) => fields.get(name)?.some((field) => isAnswered(field, noAnswer)))
      .map(({ name }) => name);
  };

  interface Look {
    readonly kinds: KindAnswer[];
    readonly boxes: Rect[][];
    readonly filled: boolean[];
  }
  const look = (): Look => {
    fields = [];
    return {
      kinds: [...findKinds()].map(([kind, found]) => answerOf(kind, found)),
      boxes: question.boxes.map(boxesOf),
      filled: question.values.map(isFilled),
    };
  };
  /** What was found last, and since when (performance.now() ms) it is so. */
  let steady = { found: "", since: 0 };
  const settle = (found: Look): void => {
    const text = JSON.stringify([found, document.readyState, innerWidth, innerHeight]);
    if (text !== steady.found) steady = { found: text, since: performance.now() };
  };
  let guard: { timer: ReturnType<typeof setInterval>; until: number; seen: Glimpse } | null = null;
  const isVisibleRule = (kind: number, { done }: KindSign) =>
    question.kinds[kind]?.signs.some((sign) => sign.done === done) === true;
  const glimpse = (seen: Glimpse, found: Look) => {
    for (const [index, boxes] of found.boxes.entries()) if (boxes.length > 0) seen.boxes.set(index, boxes);
    for (const { kind, matches, signs } of found.kinds) {
      for (const match of matches) seen.kinds.set(kind, (seen.kinds.get(kind) ?? new Map()).set(match.id, match));
      for (const sign of signs) {
        // A field that is empty again has no answer any more.
        if (isVisibleRule(kind, sign)) seen.signs.set(kind, (seen.signs.get(kind) ?? new Map()).set(sign.id, sign));
      }
    }
  };
  const startGuard = (ms: number, tickMs: number) => {
    const until = performance.now() + ms;
    const seen: Glimpse = { boxes: new Map(), kinds: new Map(), signs: new Map() };
    const timer = setInterval(() => {
      if (performance.now() > until) clearInterval(timer);
      const found = look();
      glimpse(seen, found);
      settle(found);
    }, tickMs);
    guard = { timer, until, seen };
  };
  const withGlimpsed = (answers: KindAnswer[], seen: Glimpse): KindAnswer[] => {
    const kinds = new Set([...answers.map(({ kind }) => kind), ...seen.kinds.keys(), ...seen.signs.keys()]);
    return [...kinds].map((kind) => {
      const answer = answers.find((each) => each.kind === kind) ?? { kind, matches: [], signs: [], badges: [] };
      const matches = new Map([
        ...(seen.kinds.get(kind) ?? []),
        ...answer.matches.map((match) => [match.id, match] as const),
      ]);
      const signs = new Map([...(seen.signs.get(kind) ?? []), ...answer.signs.map((sign) => [sign.id, sign] as const)]);
      return { ...answer, matches: [...matches.values()], signs: [...signs.values()] };
    });
  };

  world.captchaRemoteScanner = {
    version,
    widgets: shownWidgets,
    scan(guardMs, tickMs, isRipening, listens) {
      world.captchaRemoteListener?.renew();
      // Before it is read: what changes meanwhile is told.
      const isListening = listens && world.captchaRemoteListener?.arm() === true;
      shownWidgets.clear();
      for (const root of liveRoots()) {
        for (const field of root.querySelectorAll("input[type=password]")) passwords.add(field);
      }
      const glimpsed = guard?.seen;
      // Before a verdict ripens, what has been there before is what has gone.
      if (!isRipening) glimpsed?.kinds.clear();
      const wasGuarded = guard !== null && performance.now() <= guard.until;
      if (guard) clearInterval(guard.timer);
      guard = null;
      if (guardMs > 0) startGuard(guardMs, tickMs);
      const found = look();
      settle(found);
      known = { fields, address: location.href };
      const navigation = performance.getEntriesByType("navigation")[0];
      const { kinds, boxes, filled } = found;
      return {
        sameForMs: wasGuarded ? performance.now() - steady.since : 0,
        ready: document.readyState === "complete",
        isParsed: document.readyState !== "loading",
        isBrowserError: location.protocol === "chrome-error:",
        origin: self.origin,
        status: navigation && "responseStatus" in navigation ? Number(navigation.responseStatus) : 0,
        refreshes: [...document.getElementsByTagName("meta")]
          .filter((meta) => attributeOf.call(meta, "http-equiv")?.toLowerCase() === "refresh")
          .slice(0, MAX_REFRESHES)
          .map((meta) => (attributeOf.call(meta, "content") ?? "").slice(0, 100)),
        scrollX,
        scrollY,
        width: innerWidth,
        height: innerHeight,
        hidden: document.visibilityState === "hidden",
        boxes: boxes.map((now, index) => {
          const isKept = isRipening || question.visible[index] === true;
          return now.length > 0 || !isKept ? now : (glimpsed?.boxes.get(index) ?? []);
        }),
        filled,
        kinds: glimpsed ? withGlimpsed(kinds, glimpsed) : kinds,
        answered: answeredNames(),
        listens: isListening,
        hasFields: fields.length > 0,
      };
    },
    hasChanged() {
      world.captchaRemoteListener?.renew();
      const isOther = ({ element, noAnswer, isAnswered }: Field) => isAnsweredField(element, noAnswer) !== isAnswered;
      return location.href !== known.address || known.fields.some(isOther);
    },
    note(element, kind) {
      noted.set(element, (noted.get(element) ?? new Set()).add(kind));
      return numberOf(element);
    },
  };
}
