/** `captcha-remote/sdk`: everything that bots and other consoles import. */

export {
  ConnectRefusal,
  /** @deprecated Use `ConnectRefusal`. */
  ConnectRefusal as Refusal,
  type ConnectRefusalOptions,
  /** @deprecated Use `ConnectRefusalOptions`. */
  type ConnectRefusalOptions as RefusalFacts,
} from "../client/connect-refusal.ts";
export {
  EventFeed,
  type FeedError,
  type FeedEvent,
  type FeedHandler,
  type FeedNews,
  type FeedOptions,
} from "../client/event-feed.ts";
export type { Clock } from "../client/heartbeat.ts";
export {
  BINARY_PROTOCOL,
  type ConnectionEvents,
  type ConnectionOptions,
  type ConnectionState,
  DAMAGE_PROTOCOL,
  JSON_PROTOCOL,
  OperatorConnection,
} from "../client/operator-connection.ts";
export { decodeFrame, type PictureFrame } from "../client/picture-frame.ts";
export {
  type ByMessage,
  type Protocol,
  ReconnectingSocket,
  /** @deprecated Use `ReconnectingSocket`. */
  ReconnectingSocket as Line,
  type ReconnectingSocketEvents,
  /** @deprecated Use `ReconnectingSocketEvents`. */
  type ReconnectingSocketEvents as LineEvents,
  type ReconnectingSocketOptions,
  /** @deprecated Use `ReconnectingSocketOptions`. */
  type ReconnectingSocketOptions as LineOptions,
} from "../client/reconnecting-socket.ts";
export { type LossClass, MOVES, PROFILES, type RetryRule } from "../client/retry-policy.ts";
export type { Destination } from "../client/session-address.ts";
export type { Code } from "../errors.ts";
export type { CaptchaInfo, Contradiction, Rect, SessionState, Size, Verified } from "../protocol/common.ts";
export type { DamageHeader, DamageRect, FrameHeader } from "../protocol/frame.ts";
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
export type { CropLine, CropOptions, Croppable, Lent, Relay, RelayOptions } from "../relay/index.ts";
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
