// The bot's line to the chat server: the connection that the console runs, with this server's frames on it.
import { ReconnectingSocket, type ReconnectingSocketOptions } from "../../src/sdk/index.ts"; // from "captcha-remote/sdk" in a project of yours
import { type Frame, HEARTBEAT_MS, isRequest, OK, PATHS, parseFrame, SILENT_FOR_MS, STALE } from "./frames.ts";

/** Each line registers once. */
const REGISTRATION = "reg";
/** The close code that means "not with this token": the line fails with the loss `authentication`. */
const CLOSE_UNAUTHORIZED = 4401;

export class ChatLine extends ReconnectingSocket<Frame, Frame> {
  constructor(token: string, options: ReconnectingSocketOptions) {
    let beats = 0;
    const protocol = {
      parse: parseFrame,
      hello: () => ({ lwp: PATHS.register, headers: { mid: REGISTRATION }, body: { token } }),
      ping: () => ({ lwp: PATHS.heartbeat, headers: { mid: `beat-${++beats}` } }),
      isReady: (frame: Frame) => !isRequest(frame) && frame.code === OK && frame.headers.mid === REGISTRATION,
      refusal: (frame: Frame) => (!isRequest(frame) && frame.code === STALE ? CLOSE_UNAUTHORIZED : null),
    };
    super(protocol, {
      profile: "bot",
      pingEveryMs: HEARTBEAT_MS,
      silentForMs: SILENT_FOR_MS,
      ...options,
      // A stale token does not get better: no second try, the way to a new one is elsewhere.
      retries: { ...options.retries, authentication: { tries: 0 } },
    });
  }
}
