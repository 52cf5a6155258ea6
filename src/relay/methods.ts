/** [W57] What a server may ask of a relayed page: each method, with each argument. Everything else is refused. */

/** The ids that the bot itself has given out, and what it has agreed to. */
export interface Own {
  readonly dialogs: "bot" | "operator";
  readonly windows: "follow" | "leave";
  readonly pageId: string;
  /** Whether the target is the page, or a window that it has opened. */
  isTab(targetId: unknown): boolean;
  isSession(sessionId: unknown): boolean;
  /** Whether the world was made by Page.createIsolatedWorld, in the session of the command. */
  isWorld(contextId: unknown): boolean;
  /** Whether it is the request of a sound, in the session of the command. */
  isSound(requestId: unknown): boolean;
}

type Check = (value: unknown, own: Own) => boolean;
type Arguments = Readonly<Record<string, Check>>;

/** Arguments that must be there, and those that may; `when`: what must hold besides. */
interface Rule {
  readonly needs?: Arguments;
  readonly may?: Arguments;
  readonly when?: (own: Own, params: Readonly<Record<string, unknown>>) => boolean;
}

const MAX_SCRIPT = 1024 * 1024;
const MAX_TEXT = 10_000;
const MAX_ID = 1_000;
const MAX_ITEMS = 10_000;
const CLIP = ["x", "y", "width", "height", "scale"];

const text =
  (most: number): Check =>
  (value) =>
    typeof value === "string" && value.length <= most;
const whole =
  (least: number, most: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= least && Number(value) <= most;
const number: Check = (value) => typeof value === "number" && Number.isFinite(value);
const bool: Check = (value) => typeof value === "boolean";
const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);
const matching =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === "string" && pattern.test(value);
/** The same JSON, its fields in the same order. */
const same =
  (wanted: unknown): Check =>
  (value) =>
    JSON.stringify(value) === JSON.stringify(wanted);
const listOf =
  (item: Check): Check =>
  (value, own) =>
    Array.isArray(value) && value.length <= MAX_ITEMS && value.every((one) => item(one, own));
const objectOf =
  (fields: Arguments): Check =>
  (value, own) =>
    isObject(value) && hasOnly(value, fields, own);
const anything: Check = () => true;

/** The function by which a world of the server's says that its document has changed. */
export const BINDING = "captchaRemoteHeard";
const id = text(MAX_ID);
const quality = whole(1, 100);
const pixels = whole(1, 10_000);
const jpeg = oneOf("jpeg");
const objectGroup = matching(/^captcha-remote-\w{1,40}$/);
const world: Check = (value, own) => own.isWorld(value);
const clip: Check = (value) => isClip(value);
/** The editing commands that keep away from the clipboard of the bot's machine. */
const commands = listOf(oneOf("selectAll", "undo", "redo"));
const modifiers = whole(0, 15);
const ofOperator = ({ dialogs }: Own) => dialogs === "operator";
const ofWindows = ({ windows }: Own) => windows === "follow";

/** Commands without a session. */
const OF_BROWSER: Readonly<Record<string, Rule>> = {
  "Target.attachToTarget": { needs: { targetId: (value, own) => own.isTab(value), flatten: oneOf(true) } },
  "Target.detachFromTarget": { needs: { sessionId: (value, own) => own.isSession(value) } },
  "Target.setDiscoverTargets": { needs: { discover: oneOf(true) }, may: { filter: anything }, when: ofWindows },
  "Target.activateTarget": { needs: { targetId: (value, own) => own.isTab(value) }, when: ofWindows },
  "Target.closeTarget": {
    needs: { targetId: (value, own) => own.isTab(value) && value !== own.pageId },
    when: ofWindows,
  },
  "SystemInfo.getProcessInfo": {},
};

const OF_SESSION: Readonly<Record<string, Rule>> = {
  "Target.getTargetInfo": {},
  "Target.setAutoAttach": {
    needs: {
      autoAttach: oneOf(true),
      waitForDebuggerOnStart: oneOf(false),
      flatten: oneOf(true),
      filter: same([{ type: "iframe" }, { exclude: true }]),
    },
  },
  "Inspector.enable": {},
  "Runtime.runIfWaitingForDebugger": {},
  "Page.getFrameTree": {},
  "Page.getLayoutMetrics": {},
  "Page.getNavigationHistory": {},
  "Page.createIsolatedWorld": { needs: { frameId: id, worldName: matching(/^captcha-remote(-\w{1,40})?$/) } },
  "Page.captureScreenshot": { needs: { format: jpeg, quality } },
  "Page.startScreencast": {
    needs: { format: jpeg, quality },
    may: { everyNthFrame: whole(1, 10), maxWidth: pixels, maxHeight: pixels },
  },
  "Page.stopScreencast": {},
  "Page.screencastFrameAck": { needs: { sessionId: whole(0, Number.MAX_SAFE_INTEGER) } },
  "Page.enable": { when: ofOperator },
  "Page.handleJavaScriptDialog": {
    needs: { accept: bool },
    may: { promptText: text(MAX_TEXT) },
    when: ofOperator,
  },
  "Runtime.evaluate": {
    needs: { expression: text(MAX_SCRIPT) },
    may: {
      contextId: world,
      returnByValue: bool,
      awaitPromise: bool,
      timeout: whole(0, 60_000),
      objectGroup,
      serializationOptions: anything,
    },
    // In the page's own world only whether it answers is asked.
    when: (_own, params) => params["contextId"] !== undefined || same({ expression: "1" })(params, _own),
  },
  "Runtime.callFunctionOn": {
    needs: { functionDeclaration: text(MAX_SCRIPT) },
    may: {
      executionContextId: world,
      objectId: id,
      arguments: listOf(objectOf({ value: anything, objectId: id })),
      returnByValue: bool,
    },
    when: (_own, params) => (params["executionContextId"] === undefined) !== (params["objectId"] === undefined),
  },
  "Runtime.addBinding": { needs: { name: oneOf(BINDING), executionContextId: world } },
  "Runtime.releaseObject": { needs: { objectId: id } },
  "Runtime.releaseObjectGroup": { needs: { objectGroup } },
  "DOM.getFrameOwner": { needs: { frameId: id } },
  "DOM.resolveNode": {
    needs: { backendNodeId: whole(0, Number.MAX_SAFE_INTEGER), executionContextId: world },
    may: { objectGroup },
  },
  "Network.enable": {
    may: {
      maxTotalBufferSize: whole(0, 20 * 1024 * 1024),
      maxResourceBufferSize: whole(0, 20 * 1024 * 1024),
      maxPostDataSize: whole(0, 1024 * 1024),
    },
  },
  // Of the page and its frames: addresses that a server names might be any.
  "Network.getCookies": {},
  "Network.getResponseBody": { needs: { requestId: (value, own) => own.isSound(value) } },
  "Input.dispatchMouseEvent": {
    needs: { type: oneOf("mousePressed", "mouseReleased", "mouseMoved", "mouseWheel"), x: number, y: number },
    may: {
      button: oneOf("none", "left", "middle", "right", "back", "forward"),
      buttons: whole(0, 31),
      clickCount: whole(0, 100),
      modifiers,
      deltaX: number,
      deltaY: number,
      pointerType: oneOf("mouse", "pen"),
      force: number,
      timestamp: number,
    },
  },
  "Input.dispatchTouchEvent": {
    needs: {
      type: oneOf("touchStart", "touchMove", "touchEnd", "touchCancel"),
      touchPoints: listOf(
        objectOf({ x: number, y: number, id: number, radiusX: number, radiusY: number, force: number }),
      ),
    },
    may: { modifiers, timestamp: number },
  },
  "Input.dispatchKeyEvent": {
    needs: { type: oneOf("keyDown", "keyUp", "rawKeyDown", "char") },
    may: {
      key: text(100),
      code: text(100),
      text: text(100),
      unmodifiedText: text(100),
      windowsVirtualKeyCode: whole(0, 0xffff),
      nativeVirtualKeyCode: whole(0, 0xffff),
      location: whole(0, 3),
      modifiers,
      autoRepeat: bool,
      isKeypad: bool,
      commands,
    },
  },
  "Input.insertText": { needs: { text: text(MAX_TEXT) } },
  "Input.setInterceptDrags": { needs: { enabled: bool } },
  "Input.dispatchDragEvent": {
    needs: {
      type: oneOf("dragEnter", "dragOver", "drop", "dragCancel"),
      x: number,
      y: number,
      // Without `files`: a page would read them from the bot's disk.
      data: objectOf({
        items: listOf(
          objectOf({ mimeType: text(200), data: text(MAX_SCRIPT), title: text(MAX_TEXT), baseURL: text(MAX_TEXT) }),
        ),
        dragOperationsMask: whole(0, 31),
      }),
    },
    may: { modifiers },
  },
  "Relay.setCrop": { needs: { clip: (value, own) => value === null || clip(value, own) } },
  "Relay.capture": { needs: { clip, quality } },
};

/** Whether a server may do this. `params` that are undefined are as if left out. */
export function isAllowed(
  method: string,
  params: Readonly<Record<string, unknown>>,
  sessionId: string | undefined,
  own: Own,
): boolean {
  const rules = sessionId === undefined ? OF_BROWSER : OF_SESSION;
  const rule = Object.hasOwn(rules, method) ? rules[method] : undefined;
  if (!rule) return false;
  const { needs = {}, may = {}, when = () => true } = rule;
  const isComplete = Object.keys(needs).every((name) => Object.hasOwn(params, name));
  return isComplete && hasOnly(params, { ...may, ...needs }, own) && when(own, params);
}

/** Every method that is allowed at all, with the names of its arguments. */
export const METHODS = { browser: namesOf(OF_BROWSER), session: namesOf(OF_SESSION) };

function namesOf(
  rules: Readonly<Record<string, Rule>>,
): { readonly name: string; readonly names: readonly string[] }[] {
  return Object.entries(rules).map(([name, { needs = {}, may = {} }]) => ({
    name,
    names: [...Object.keys(needs), ...Object.keys(may)],
  }));
}

function hasOnly(given: Readonly<Record<string, unknown>>, fields: Arguments, own: Own): boolean {
  return Object.entries(given).every(([name, value]) => {
    const check = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return check?.(value, own) === true;
  });
}

/** Whether it is a part of a page, as `viewport` of Emulation.setDeviceMetricsOverride. */
export function isClip(value: unknown): value is Readonly<Record<string, number>> {
  if (!isObject(value)) return false;
  const sides = Object.keys(value);
  return sides.length === CLIP.length && CLIP.every((name) => Number.isFinite(value[name]));
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
