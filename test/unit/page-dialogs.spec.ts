/** [W46] Dialogs that nobody answers get their default: at once, or after half a minute. */
import { mock } from "node:test";
import { expect, test } from "@playwright/test";
import {
  DIALOG_PATIENCE_MS,
  DialogRow,
  type DialogSession,
  PageDialogs,
} from "../../src/browser/assist/page-dialogs.ts";
import type { Question } from "../../src/protocol/live.ts";
import type { Notice } from "../../src/session/ports/page.ts";

const KINDS = ["alert", "confirm", "prompt", "beforeunload"] as const;

function dialogsOf(mayAsk: boolean, row?: DialogRow) {
  const listeners = new Map<string, (event: never) => void>();
  const replies: unknown[] = [];
  const asked: Question[] = [];
  const withdrawn: string[] = [];
  const notices: Notice[] = [];
  const session = {
    on: (event: string, listener: (event: never) => void) => listeners.set(event, listener),
    send: async (method: string, params: unknown) => {
      if (method === "Page.handleJavaScriptDialog") replies.push(params);
    },
  } as unknown as DialogSession;
  const dialogs = new PageDialogs({
    session,
    row,
    ask: (question) => {
      if (mayAsk) asked.push(question);
      return mayAsk;
    },
    withdraw: (id) => withdrawn.push(id),
    notice: (notice) => notices.push(notice),
    log: { warn() {} },
  });
  const emit = (event: string, params: object) => listeners.get(event)?.(params as never);
  return {
    dialogs,
    replies,
    asked,
    withdrawn,
    notices,
    open: (type: (typeof KINDS)[number], message = "Hello") =>
      emit("Page.javascriptDialogOpening", { url: "https://shop.example/a?b", type, message, defaultPrompt: "preset" }),
    close: (result: boolean) => emit("Page.javascriptDialogClosed", { result }),
  };
}

/** Runs it with a clock that stands. Playwright's own waiting needs the real one. */
async function withStandingClock(run: () => Promise<void> | void): Promise<void> {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    await run();
  } finally {
    mock.timers.reset();
  }
}

for (const kind of KINDS) {
  const accept = kind === "alert" || kind === "beforeunload";
  test(`[W46] ${kind} gets its default at once where nobody can be asked, and after 30 s where nobody answers`, async () => {
    const nobody = dialogsOf(false);
    nobody.open(kind);
    expect(nobody.replies).toEqual([{ accept }]);
    expect(nobody.dialogs.isOpen).toBe(false);

    const silent = dialogsOf(true);
    await withStandingClock(() => {
      silent.open(kind);
      mock.timers.tick(DIALOG_PATIENCE_MS - 1);
      expect(silent.replies).toEqual([]);
      expect(silent.dialogs.isOpen).toBe(true);
      mock.timers.tick(1);
    });
    expect(silent.replies).toEqual([{ accept }]);
    expect(silent.withdrawn).toEqual(silent.asked.map(({ question_id }) => question_id));
    await expect.poll(() => silent.notices).toMatchObject([{ type: "dialog", kind, message: "Hello" }]);
  });
}

test("[W46] what another client answers first, or the page's end closes, is withdrawn and answered no more", async () => {
  const { dialogs, open, close, asked, withdrawn, replies, notices } = dialogsOf(true);
  await withStandingClock(async () => {
    open("confirm", "x".repeat(100_000));
    const [question] = asked;
    expect(question).toMatchObject({ site: "shop.example", message: "x".repeat(1_000) });
    close(true);
    expect(withdrawn).toEqual([question?.question_id]);
    expect(notices).toMatchObject([{ answer: "accepted" }]);
    const late = dialogs.answer({ type: "answer_dialog", question_id: question?.question_id ?? "", accept: false });
    await expect(late).rejects.toMatchObject({ code: "question_gone" });
    mock.timers.tick(DIALOG_PATIENCE_MS);
    expect(replies).toEqual([]);
  });
});

test("[W46] a page that is let go of does not keep its dialog", () => {
  const { dialogs, open, replies } = dialogsOf(true);
  open("confirm");
  dialogs.stop();
  expect(replies).toEqual([{ accept: false }]);
});

test("[W46] [W47] while a dialog of one window is open all stand still, and one row counts for all", async () => {
  const row = new DialogRow();
  const [first, second] = [dialogsOf(true, row), dialogsOf(true, row)];
  await withStandingClock(() => {
    first.open("confirm");
    expect(second.dialogs.isOpen).toBe(true);
    first.close(false);
    expect(second.dialogs.isOpen).toBe(false);
    for (let n = 0; n < 4; n += 1) {
      second.open("alert");
      second.close(true);
    }
    first.open("confirm");
    expect(first.replies).toEqual([{ accept: false }]);
    expect(first.notices).toContainEqual(expect.objectContaining({ notice: "dialogs_muted" }));
    second.dialogs.acted();
    first.open("confirm");
    expect(first.asked).toHaveLength(2);
    // A window that is gone asks nobody any more.
    first.dialogs.gone();
    expect(first.withdrawn).toEqual(first.asked.map(({ question_id }) => question_id));
    expect(second.dialogs.isOpen).toBe(false);
  });
});
