import { expect, test } from "@playwright/test";
import type { Question } from "../../src/protocol/live.ts";
import { OpenQuestions } from "../../src/session/operators/open-questions.ts";
import { Viewer } from "../../src/session/pictures/viewer.ts";

const ASKED: Question = {
  type: "ask_dialog",
  question_id: "q1",
  kind: "confirm",
  site: "shop.example",
  message: "Go on?",
  default_text: "",
};

function viewer(
  name: string,
  features: readonly string[],
): { readonly viewer: Viewer; readonly types: () => string[] } {
  const texts: string[] = [];
  const socket = {
    sendText: (text: string) => texts.push(text),
    sendBinary() {},
    pingBehind() {},
    bufferedBytes: () => 0,
  };
  const one = new Viewer(name, { ...socket, close() {} }, "json");
  one.sendEarly();
  one.setFeatures(features);
  return { viewer: one, types: () => texts.map((text) => (JSON.parse(text) as { type: string }).type) };
}

test("[W45] a question goes to who can answer it, and to who takes control while it is open", () => {
  const questions = new OpenQuestions();
  const first = viewer("a", ["dialogs"]);
  const second = viewer("b", ["dialogs"]);
  expect(questions.ask(ASKED, first.viewer)).toBe(true);
  questions.show(second.viewer);
  questions.show(second.viewer);
  expect(second.types()).toEqual(["ask_dialog"]);
  questions.withdraw("q1");
  expect(first.types()).toEqual(["ask_dialog", "withdrawn"]);
  expect(second.types()).toEqual(["ask_dialog", "withdrawn"]);
  expect(() => questions.find("q1", "ask_dialog")).toThrow(expect.objectContaining({ code: "question_gone" }));
});

test("[W40] what a client has not named is never asked of it", () => {
  const questions = new OpenQuestions();
  const older = viewer("a", []);
  expect(questions.ask(ASKED, older.viewer)).toBe(false);
  expect(questions.ask(ASKED, null)).toBe(false);
  expect(older.types()).toEqual([]);
});

test("[W45] a page that asks without end is answered by its default from a number on", () => {
  const questions = new OpenQuestions();
  const { viewer: holder, types } = viewer("a", ["dialogs"]);
  const asked = Array.from({ length: 100 }, (_, at) => questions.ask({ ...ASKED, question_id: `q${at}` }, holder));
  const taken = asked.filter(Boolean).length;
  expect(taken).toBeLessThan(100);
  expect(types()).toHaveLength(taken);
});
