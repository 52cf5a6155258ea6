/**
 * [W50] What a browser shows outside of its pages, where no picture is: passkey requests fail at once, and printing and
 * full screen are reported. Nothing of this is in the page's own world.
 */
import type { Notice } from "../../session/ports/page.ts";
import { withDeadline } from "../../util/with-deadline.ts";
import type { CdpSender } from "../cdp/connection.ts";

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

const REPORTS = { printing: "printing", full_screen: "full_screen" } as const;

/**
 * A session of the page itself: not the one for pictures and input, as the browser reports all that the page writes to
 * its console to a session that has bindings.
 */
export interface OutsideSession extends CdpSender {
  on(event: "Runtime.bindingCalled", listener: (event: BindingEvent) => void): unknown;
}

interface BindingEvent {
  readonly name: string;
  readonly payload: string;
}

/** Sets the page up; it holds for documents that load later. Rejects when the browser does not answer. */
export async function replaceWhatIsOutside(
  session: OutsideSession,
  { notice, url }: { readonly notice: (notice: Notice) => void; readonly url: () => string },
): Promise<void> {
  session.on("Runtime.bindingCalled", ({ name, payload }: BindingEvent) => {
    if (name !== BINDING || (payload !== REPORTS.printing && payload !== REPORTS.full_screen)) return;
    notice({ type: "page_notice", notice: payload, url: url() });
  });
  const source = `(${reportFromDocument})(${JSON.stringify(REPORTS)}, ${BINDING})`;
  const calls = [
    session.send("WebAuthn.enable", { enableUI: false }),
    session.send("WebAuthn.addVirtualAuthenticator", { options: USELESS_KEY }),
    session.send("Page.enable"),
    session.send("Runtime.enable"),
    session.send("Runtime.addBinding", { name: BINDING, executionContextName: WORLD_NAME }),
    session.send("Page.addScriptToEvaluateOnNewDocument", { worldName: WORLD_NAME, source }),
  ];
  await withDeadline(Promise.all(calls), CALL_DEADLINE_MS, "page");
}

/** Runs in an isolated world of each document, sent as text. */
function reportFromDocument(reports: typeof REPORTS, report: (payload: string) => void): void {
  addEventListener("beforeprint", () => report(reports.printing));
  document.addEventListener("fullscreenchange", () => {
    if (document.fullscreenElement) report(reports.full_screen);
  });
}
