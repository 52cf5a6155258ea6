/**
 * What runs inside a frame, in an isolated world, to say what a person is about to press or type into. It is sent as text, so
 * it uses nothing from outside of itself. It only reads.
 */
import type { ScannerWorld } from "./in-page-scanner.ts";

/** A widget of the last scan: the kind's index and the element's number. */
export type TouchedWidget = readonly [kind: number, widget: number];

/**
 * What the element does by what it is, whoever wrote its page. closes: a close button, a tab, a summary. away: a link to
 * another address. script: a link without an address that does not look like a button.
 */
export type Leads = "closes" | "away" | "script";

export interface Touched {
  /** The widgets that contain it. */
  readonly inside: readonly TouchedWidget[];
  /** The widgets that it shares a form with; without any form, those of text that it is the nearest button or field of. */
  readonly around: readonly TouchedWidget[];
  /** Without any form: those that nothing is typed into. */
  readonly beside: readonly TouchedWidget[];
  readonly isInForm: boolean;
  /** It is in what frames the page: its navigation, header or footer. */
  readonly isOnRim: boolean;
  readonly leads: Leads | null;
}

/** The element at this point (the frame's own CSS px), or without a point the one that has the focus; null: none. */
export function touchedElement(point: { x: number; y: number } | null): Touched | null {
  /** What closes a box is small, CSS px. */
  const MAX_CLOSER = { width: 240, height: 72 };
  const MAX_CORNER = 48;
  /** Of each kind; a press waits. */
  const MAX_OTHERS = 50;
  const CLOSE_NAME =
    /(^|[^a-z])(close|closer|dismiss|cancel|cross|exit|quit)([^a-z]|$)|close(btn|button|icon)|[a-z]Close([A-Z]|$)/;
  const CLOSE_WORD =
    /^(×|✕|✖|✗|╳|⨯|x|close|cancel|dismiss|skip|back|go back|not now|later|maybe later|关闭|取消|返回|跳过|以后再说|닫기|취소|閉じる|キャンセル|закрыть|отмена|schließen|abbrechen|fermer|annuler|cerrar|cancelar)$/i;
  const BUTTON_NAME = /btn|button|submit|log-?in|sign-?in|verify|confirm/i;
  const RIM =
    "nav, header, footer, aside, [role=navigation], [role=menu], [role=menubar], [role=tablist], [role=search]";
  const TEXT_FIELD =
    "input:not([type=hidden], [type=checkbox], [type=radio], [type=button], [type=submit], [type=image], [type=reset]), textarea";
  const BUTTON = "button, input:is([type=submit], [type=button], [type=image]), [role=button]";
  const world = globalThis as ScannerWorld;
  const attributeOf = (element: Element, name: string) => Element.prototype.getAttribute.call(element, name);
  const hosts = new Map<Element, ShadowRoot>();
  for (const root of world.captchaRemoteRoots ?? []) hosts.set(root.host, root);

  const deepest = (find: (root: DocumentOrShadowRoot) => Element | null): Element | null => {
    let found = find(document);
    while (found) {
      const root = found.shadowRoot ?? hosts.get(found);
      const inner = root ? find(root) : null;
      if (!inner || inner === found || inner.getRootNode() !== root) break;
      found = inner;
    }
    return found;
  };
  const element = deepest((root) => (point ? root.elementFromPoint(point.x, point.y) : root.activeElement));
  // A frame that has lost the focus remembers who had it.
  if (!point && parent !== window && !document.hasFocus()) return null;
  if (!element || (!point && (element === document.body || element === document.documentElement))) return null;

  /** The element and all that is around it, through shadow roots. */
  const pathOf = (from: Element): Element[] => {
    const path: Element[] = [];
    for (let at: Element | null = from; at; ) {
      path.push(at);
      const parent: Node | null = at.assignedSlot ?? at.parentNode;
      at = parent instanceof ShadowRoot ? parent.host : parent instanceof Element ? parent : null;
    }
    return path;
  };
  const path = pathOf(element);
  const formOf = (from: Element[]): Element | null => {
    for (const each of from) {
      if (each instanceof HTMLFormElement) return each;
      if ("form" in each && each.form instanceof HTMLFormElement) return each.form;
    }
    return null;
  };
  const form = formOf(path);
  const target = path.find((each) => each.matches(`a, summary, ${BUTTON}, ${TEXT_FIELD}`)) ?? element;
  const looksLikeButton = (each: Element) =>
    each.matches(BUTTON) || BUTTON_NAME.test(`${attributeOf(each, "class")} ${attributeOf(each, "id")}`);

  const groups = new Map<Element, boolean>();
  /** Whether it has both what is typed into and what sends it. */
  const isGroup = (each: Element): boolean => {
    const known = groups.get(each) ?? (each.querySelector(TEXT_FIELD) !== null && each.querySelector(BUTTON) !== null);
    groups.set(each, known);
    return known;
  };

  const inside: TouchedWidget[] = [];
  const around: TouchedWidget[] = [];
  const beside: TouchedWidget[] = [];
  /** Nothing beyond these is part of what is pressed. */
  const bounds = new Set<Element>(form ? [form] : []);
  const roots: Element[] = [];
  for (const [kind, widgets] of world.captchaRemoteScanner?.widgets ?? []) {
    for (const root of path) {
      const widget = widgets.get(root);
      if (widget === undefined) continue;
      inside.push([kind, widget]);
      bounds.add(root);
      roots.push(root);
    }
    const others = [...widgets].filter(([root]) => root.isConnected && !path.includes(root));
    for (const [root, widget] of others.slice(0, MAX_OTHERS)) {
      const outer = pathOf(root);
      if (form) {
        const own =
          formOf(outer) ?? root.querySelector("form") ?? formOf([...root.querySelectorAll("input, textarea")]);
        if (own === form) around.push([kind, widget]);
        continue;
      }
      const isOfText = root.matches("img") || root.querySelector(TEXT_FIELD) !== null || root.matches(TEXT_FIELD);
      const group = isOfText && outer.find(isGroup);
      if (!group) {
        beside.push([kind, widget]);
        continue;
      }
      const to = path.indexOf(group);
      const isOnRim = path.slice(0, Math.max(0, to)).some((each) => each.matches(RIM));
      const mayBePart = looksLikeButton(target) || target.matches(TEXT_FIELD);
      if (to !== -1 && !isOnRim && mayBePart) around.push([kind, widget]);
    }
  }

  const limit = path.findIndex((each) => bounds.has(each));
  const parts = path.slice(0, limit === -1 ? path.length : limit).filter((each) => each !== document.documentElement);
  const isSmall = (each: Element) => {
    const { width, height } = each.getBoundingClientRect();
    return width <= MAX_CLOSER.width && height <= MAX_CLOSER.height;
  };
  const namesOf = (each: Element) =>
    ["class", "id", "aria-label", "title", "name", "data-action", "data-testid"].map((name) => {
      const text = (attributeOf(each, name) ?? "").slice(0, 300);
      return `${text} ${text.toLowerCase()}`;
    });
  const textOf = (each: Element) =>
    (each instanceof HTMLInputElement && each.matches(BUTTON)
      ? each.value
      : (each.textContent ?? "").slice(0, 100)
    ).trim();
  const saysClose = (each: Element) =>
    each.hasAttribute("data-dismiss") ||
    each.hasAttribute("data-bs-dismiss") ||
    attributeOf(each, "formmethod") === "dialog" ||
    CLOSE_WORD.test(textOf(each)) ||
    CLOSE_WORD.test(attributeOf(each, "aria-label") ?? "") ||
    namesOf(each).some((name) => CLOSE_NAME.test(name));
  /** A small thing without words in the box's upper right corner. */
  const isCorner = (root: Element) => {
    const box = root.getBoundingClientRect();
    if (element === root || box.width < 160 || box.height < 120) return false;
    const own = element.getBoundingClientRect();
    const isAtCorner = box.right - own.right < MAX_CORNER && own.top - box.top < MAX_CORNER;
    const isTiny = own.width <= MAX_CORNER && own.height <= MAX_CORNER && !element.firstElementChild?.matches("input");
    return isAtCorner && isTiny && !element.matches("input") && !/[\p{L}\p{N}]{2}/u.test(textOf(element));
  };
  /** The layer behind the box. */
  const isBehind = (root: Element) => {
    const box = root.getBoundingClientRect();
    const isLayer = box.width >= 0.9 * innerWidth && box.height >= 0.9 * innerHeight;
    return point !== null && element === root && isLayer && root.firstElementChild !== null;
  };
  const leads = (): Leads | null => {
    if (parts.some((each) => each.matches("summary, [role=tab], [role=menuitem]"))) return "closes";
    if (parts.some((each) => isSmall(each) && saysClose(each)) || form?.matches("[method=dialog]")) return "closes";
    if (roots.some((root) => isBehind(root) || (point !== null && isCorner(root)))) return "closes";
    const link = parts.find((each) => each.localName === "a" || each.localName === "area");
    if (!link) return null;
    const href = attributeOf(link, "href")?.trim() ?? "";
    if (href !== "" && !/^(#|javascript:)/i.test(href)) return "away";
    return looksLikeButton(link) ? null : "script";
  };
  return {
    inside,
    around,
    beside,
    isInForm: form !== null,
    isOnRim: path.some((each) => each.matches(RIM)),
    leads: leads(),
  };
}
