/** [W50] Which errors of a page say that its browser has refused something. */
import { expect, test } from "@playwright/test";
import { refusalOf } from "../../src/browser/assist/outside-the-page.ts";

const PASSKEY =
  "The operation either timed out or was not allowed. See: https://www.w3.org/TR/webauthn-2/#sctn-privacy";
const refusal = (description: string) => refusalOf({ className: "DOMException", description });

test("[W50] a passkey, a camera, a screen, a place: each is told from its error, and nothing else is", () => {
  expect(refusal(`NotAllowedError: ${PASSKEY}`)).toBe("passkey_refused");
  for (const error of [
    "NotAllowedError: Permission denied",
    "NotAllowedError: Permission dismissed",
    "NotAllowedError: Failed to execute 'readText' on 'Clipboard': Read permission denied.",
    "NotFoundError: Requested device not found",
    "NotSupportedError: Not supported",
  ]) {
    expect(refusal(error), error).toBe("permission_refused");
  }
  expect(refusalOf({ className: "GeolocationPositionError", description: "GeolocationPositionError" })).toBe(
    "permission_refused",
  );
  expect(refusalOf({ value: "NotAllowedError: Permission denied" })).toBe("permission_refused");
  for (const value of ["", 7, null, undefined, "permission denied: order 12", `${"x".repeat(1_000)} ${PASSKEY}`]) {
    expect(refusalOf({ value }), String(value).slice(0, 40)).toBeNull();
  }
  expect(
    refusal("NotAllowedError: play() failed because the user didn't interact with the document first."),
  ).toBeNull();
});
