/** Sessions whose page the test has in its hand: whether what it shows works by itself. */
import { createSessionSchema, type SessionAnswer } from "../../src/protocol/rest.ts";
import type { CaptchaRemoteController } from "../../src/session/controller.ts";
import type { PageEvents } from "../../src/session/ports/page.ts";
import { FakePage } from "./fake-page.ts";

/** Creates a session whose page works by itself from the start, or does not. */
export async function createFake(
  controller: CaptchaRemoteController,
  { isWorking = true, ...body }: { readonly label?: string; readonly isWorking?: boolean } = {},
): Promise<{
  readonly session: SessionAnswer;
  readonly page: FakePage;
  readonly events: PageEvents;
  /** The page shows what a person must act on. */
  readonly stopWorking: () => void;
}> {
  const opened = Promise.withResolvers<{ readonly page: FakePage; readonly events: PageEvents }>();
  const session = await controller.create(createSessionSchema.parse({ ...body, url: "http://127.0.0.1/" }), {
    openPage: async (_request, events) => {
      const page = new FakePage(events);
      page.isWorking = isWorking;
      opened.resolve({ page, events });
      return page;
    },
  });
  const { page, events } = await opened.promise;
  const stopWorking = () => {
    page.isWorking = false;
    events.challenge();
  };
  return { session, page, events, stopWorking };
}
