/**
 * [W50] What a browser shows outside of its pages, where no picture is: passkey requests fail at once, and printing and
 * full screen are reported, and so are requests that were refused where the page leaves the error uncaught or logs it.
 * Nothing of this is in the page's own world.
 */
import type { Notice } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type {
  BindingCalled,
  ConsoleApiCalled,
  EventSession,
  ExceptionThrown,
  PageValue,
  TabSessions,
} from "../tabs/tab-sessions.ts";

const CALL_DEADLINE_MS = 2_000;
const WORLD_NAME = "captcha-remote-notices";
const BINDING = "report";

/**
 * A security key that is touched at once and cannot tell who touched it: every request ends with the page's own
 * NotAllowedError, in place of waiting for a window that nobody sees. "usb": a page that asks whether this device can
 * keep passkeys is answered no, as without it.
 */
const USELESS_KEY = {
  protocol: "ctap2",
  transport: "usb",
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: false,
  automaticPresenceSimulation: true,
} as const;

/** A page may log texts of any length. */
const MAX_LOOKED_AT = 300;
/** In the error of every passkey request that was refused, whatever the reason. */
const PASSKEY_WORDS = "https://www.w3.org/TR/webauthn";
/**
 * Of camera, microphone, screen, location and clipboard. A machine without a camera says that it has found none, and one
 * without a screen that it does not support it.
 */
const PERMISSION_WORDS =
  /NotAllowedError: (?:.*: )?(?:Read )?permission (?:denied|dismissed)|NotFoundError: Requested device not found|NotSupportedError: Not supported|User denied Geolocation/i;

const REPORTS = { printing: "printing", full_screen: "full_screen" } as const;
type Refusal = "passkey_refused" | "permission_refused";
type Told = keyof typeof REPORTS | Refusal;

export interface OutsideDeps {
  readonly notice: (notice: Notice) => void;
  /** The page's address now. */
  readonly url: () => string;
  /** The sessions of the page's frames in processes of their own, and the page's own for pictures and input. */
  readonly sessions: Pick<TabSessions, "follow">;
  readonly pageSession: object;
}

/**
 * Sets the page up; it holds for documents that load later. `session` is one of the page itself: not the one for pictures
 * and input, as the browser reports all that the page writes to its console to a session that has bindings. Rejects when
 * the browser does not answer.
 */
export async function replaceWhatIsOutside(
  session: EventSession,
  { notice, url, sessions, pageSession }: OutsideDeps,
): Promise<void> {
  const tell = (what: Told) => notice({ type: "page_notice", notice: what, url: url() });
  const calls = [
    session.send("WebAuthn.enable", { enableUI: false }),
    session.send("WebAuthn.addVirtualAuthenticator", { options: USELESS_KEY }),
    ...reportFrom(session, tell),
  ];
  await withDeadline(Promise.all(calls), CALL_DEADLINE_MS, "page");
  sessions.follow((frame) => {
    // Of a frame that is gone before this completes there is nothing to report.
    if (frame !== pageSession) for (const call of reportFrom(frame, tell)) call.catch(() => {});
  });
}

/** Hears what the documents of this session report, and what was refused to them, those that load later among them. */
function reportFrom(session: EventSession, tell: (what: Told) => void): Promise<unknown>[] {
  session.on("Runtime.bindingCalled", ({ name, payload }: BindingCalled) => {
    if (name === BINDING && (payload === REPORTS.printing || payload === REPORTS.full_screen)) tell(payload);
  });
  const refused = (value: PageValue | undefined) => {
    const what = value && refusalOf(value);
    if (what) tell(what);
  };
  session.on("Runtime.exceptionThrown", ({ exceptionDetails }: ExceptionThrown) => refused(exceptionDetails.exception));
  session.on("Runtime.consoleAPICalled", ({ args }: ConsoleApiCalled) => refused(args.find(refusalOf)));
  const source = `(${reportFromDocument})(${JSON.stringify(REPORTS)}, ${BINDING})`;
  return [
    session.send("Page.enable"),
    session.send("Runtime.enable"),
    session.send("Runtime.addBinding", { name: BINDING, executionContextName: WORLD_NAME }),
    // A frame is attached to once its document is there.
    session.send("Page.addScriptToEvaluateOnNewDocument", { worldName: WORLD_NAME, source, runImmediately: true }),
  ];
}

/**
 * What a browser has refused, by the error that the page got for it; null: this is no such error. A browser uses one error
 * for all that is not allowed, so its words say what it is about.
 */
export function refusalOf({ className, description, value }: PageValue): Refusal | null {
  if (className === "GeolocationPositionError") return "permission_refused";
  const said = (description ?? (typeof value === "string" ? value : "")).slice(0, MAX_LOOKED_AT);
  if (said.includes(PASSKEY_WORDS)) return "passkey_refused";
  return PERMISSION_WORDS.test(said) ? "permission_refused" : null;
}

/** Runs in an isolated world of each document, sent as text. */
function reportFromDocument(reports: typeof REPORTS, report: (payload: string) => void): void {
  addEventListener("beforeprint", () => report(reports.printing));
  document.addEventListener("fullscreenchange", () => {
    const element = document.fullscreenElement;
    // Of a frame that fills the screen its own document reports it.
    if (element && !(element instanceof HTMLIFrameElement)) report(reports.full_screen);
  });
}
