/** What follows from what the browser says of a navigation: where it leaves a doubt, nothing does. */
import { expect, test } from "@playwright/test";
import {
  causeOfDocument,
  type DocumentFacts,
  type DocumentRequest,
  type NavigationCause,
  refreshDelayMs,
  refreshTarget,
  type Transition,
} from "../../src/browser/tabs/navigation-cause.ts";

const GET: DocumentRequest = { method: "GET", initiator: "other", hasUserGesture: false, isRefresh: false };
const POST: DocumentRequest = { ...GET, method: "POST" };
const PRESSED: DocumentRequest = { ...GET, hasUserGesture: true };
const SCRIPT: DocumentRequest = { ...GET, initiator: "script" };
const PUSHED: DocumentFacts = {
  type: "navigate",
  activation: "push",
  from: "https://a.example/",
  entry: "https://a.example/2",
};
const REPLACED: DocumentFacts = { ...PUSHED, activation: "replace" };
const RELOADED: DocumentFacts = { ...PUSHED, type: "reload", activation: "reload" };
const BACK: DocumentFacts = { ...PUSHED, type: "back_forward", activation: "traverse" };
const SILENT: DocumentFacts = { type: null, activation: null, from: null, entry: null };

for (const [name, request, facts, transition, cause] of [
  ["a link", PRESSED, PUSHED, "link", "link"],
  ["a link to where the page is", PRESSED, { ...REPLACED, entry: REPLACED.from }, "link", "link"],
  ["a link that was held until its gesture was over", GET, PUSHED, "link", "unknown"],
  ["such a link to where the page is", GET, { ...REPLACED, entry: REPLACED.from }, "link", "unknown"],
  ["a link in a frame of another process, to the top", GET, { ...PUSHED, from: null }, "link", "unknown"],
  ["a GET form", PRESSED, PUSHED, "form_submit", "form"],
  ["a GET form whose gesture was over", GET, PUSHED, "form_submit", "form"],
  ["a POST form", { ...POST, hasUserGesture: true }, PUSHED, "form_submit", "form"],
  ["a POST form that the history does not have yet", POST, PUSHED, null, "form"],
  ["a form's result that is loaded again", POST, RELOADED, "reload", "reload"],
  ["a form's result, back", POST, BACK, "form_submit", "history"],
  ["a script", SCRIPT, PUSHED, "link", "script"],
  ["a script that reloads", SCRIPT, RELOADED, "typed", "script"],
  ["a refresh after some seconds", { ...GET, isRefresh: true }, PUSHED, "link", "script"],
  ["a refresh at once", GET, REPLACED, "link", "script"],
  ["a refresh to itself", { ...GET, isRefresh: true }, RELOADED, "typed", "script"],
  ["a page that refreshes itself, loaded again", { ...GET, isRefresh: true }, RELOADED, "reload", "reload"],
  ["a reload", GET, RELOADED, "reload", "reload"],
  ["a reload whose entry is not known", { ...GET, isRefresh: true }, RELOADED, null, "reload"],
  ["an address", GET, PUSHED, "typed", "address"],
  ["back", GET, BACK, "typed", "history"],
  ["back to a form's result", GET, BACK, "form_submit", "history"],
  ["no entry yet", PRESSED, PUSHED, null, "unknown"],
  ["a GET in a frame inside the page", GET, REPLACED, null, "unknown"],
  ["markup that loads a frame", { ...GET, initiator: "parser" }, PUSHED, null, "unknown"],
  ["a transition that nobody knows", GET, PUSHED, "other", "unknown"],
  ["a document that does not say", POST, SILENT, "form_submit", "unknown"],
  ["a prerendered document", GET, { ...PUSHED, type: "prerender" }, "link", "unknown"],
] as const satisfies readonly (readonly [string, DocumentRequest, DocumentFacts, Transition, NavigationCause])[]) {
  test(`[K1] ${name}: ${cause}`, () => {
    expect(causeOfDocument(request, facts, transition)).toBe(cause);
  });
}

for (const [content, target] of [
  ["0;url=/next", "https://a.example/next"],
  ["5; URL='https://b.example/x?y#z'", "https://b.example/x?y"],
  [' 2.5 , url = "next" ', "https://a.example/dir/next"],
  ["3;/next", "https://a.example/next"],
  ["3", "https://a.example/dir/page"],
  ["", "https://a.example/dir/page"],
  ["0;url=http://[", null],
  [`0;url=${"'".repeat(100_000)}`, "https://a.example/dir/page"],
] as const) {
  test(`[K1] a refresh "${content.slice(0, 40)}" leads to ${target}`, () => {
    expect(refreshTarget(content, "https://a.example/dir/page")).toBe(target);
  });
}

for (const [content, ms] of [
  ["0;url=/next", 0],
  [" 2.5 , url=next", 2_500],
  [".5", 500],
  ["30; /dashboard", 30_000],
  ["1.2.3;url=/next", 1_200],
  ["", null],
  ["soon;url=/next", null],
  ["-1;url=/next", null],
  ["2s;url=/next", null],
] as const) {
  test(`[K4] a refresh "${content.slice(0, 40)}" comes after ${ms} ms`, () => {
    expect(refreshDelayMs(content)).toBe(ms);
  });
}
