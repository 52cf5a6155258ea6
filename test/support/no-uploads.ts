/** For sessions without a page that asks for files. */
import type { Uploads } from "../../src/session/ports/uploads.ts";

export const NO_UPLOADS: Uploads = {
  maxBytes: 0,
  receive: () => Promise.reject(new Error("nobody uploads here")),
  find: () => undefined,
  discard: async () => {},
  remove: async () => {},
};
