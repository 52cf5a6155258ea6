/** `captcha-remote/sdk`: everything that bots and people with a console of their own import. */

export { Refusal, type RefusalFacts } from "../client/connect-refusal.js";
export {
  EventFeed,
  type FeedError,
  type FeedEvent,
  type FeedHandler,
  type FeedNews,
  type FeedOptions,
} from "../client/event-feed.js";
export type { Clock } from "../client/heartbeat.js";
export {
  BINARY_PROTOCOL,
  type ConnectionEvents,
  type ConnectionOptions,
  type ConnectionState,
  JSON_PROTOCOL,
  OperatorConnection,
} from "../client/operator-connection.js";
export { decodeFrame } from "../client/picture-frame.js";
export { Line } from "../client/reconnecting-socket.js";
export type { LineEvents, LineOptions, Protocol } from "../client/reconnecting-socket-types.js";
export { type LossClass, MOVES, PROFILES, type RetryRule } from "../client/retry-policy.js";
export type { Destination } from "../client/session-address.js";
export type { Code } from "../errors.ts";
export type { CaptchaInfo, Rect, SessionState, Size, Verified } from "../protocol/common.ts";
export type { FrameHeader } from "../protocol/frame.ts";
export type { LinkAnswer, TicketAnswer } from "../protocol/links.ts";
export type { ClientMessageInput, ServerMessage } from "../protocol/live.ts";
export type {
  CreateSessionInput,
  Evidence,
  SessionAnswer,
  SessionListItem,
  SessionResult,
  SessionStatus,
  StorageState,
} from "../protocol/rest.ts";
export {
  CaptchaRemoteClient,
  type CreateOptions,
  type LinkOptions,
  type SignalOption,
  type SolveOptions,
} from "./client.ts";
export { CaptchaRemoteError } from "./errors.ts";
export { type Guard, type GuardablePage, guard } from "./guard.ts";
export type { ClientOptions } from "./http.ts";
export { ConnectionPool, type PoolOptions } from "./pool.ts";
export type { WaitOptions } from "./wait.ts";
