/** `captcha-remote/sdk`: everything that bots and people with a console of their own import. */

export {
  BINARY_PROTOCOL,
  type ConnectionEvents,
  type ConnectionOptions,
  type ConnectionState,
  JSON_PROTOCOL,
  OperatorConnection,
} from "../../public/connection.js";
export type { Destination } from "../../public/destination.js";
export {
  EventFeed,
  type FeedError,
  type FeedEvent,
  type FeedHandler,
  type FeedNews,
  type FeedOptions,
} from "../../public/feed.js";
export { decodeFrame } from "../../public/frame.js";
export type { Clock } from "../../public/heartbeat.js";
export { Line } from "../../public/line.js";
export type { LineEvents, LineOptions, Protocol } from "../../public/line-types.js";
export { type LossClass, MOVES, PROFILES, type RetryRule } from "../../public/reconnect.js";
export { Refusal, type RefusalFacts } from "../../public/refusal.js";
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
