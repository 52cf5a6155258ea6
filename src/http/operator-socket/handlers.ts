/** What each message of an operator does: a table that the type checker keeps complete. */
import type { Detail } from "../../audit/audit-log.ts";
import { AppError } from "../../errors.ts";
import type { Action } from "../../protocol/audit.ts";
import { type MessageNumber, numberOf } from "../../protocol/exactly-once.ts";
import { type Answer, type ClientMessage, type ClientMessageOf, WATCHER_MESSAGES } from "../../protocol/live.ts";
import type { Seat } from "../../session/controller.ts";
import { WELCOME } from "../sockets/authenticate-socket.ts";

/** A viewer in its session, and the audit trail of what it does there. */
export interface RecordedSeat extends Seat {
  /** Called once the act has succeeded. Never throws. */
  readonly record: (action: Action, detail: Detail) => void;
}

/** The messages that are input for the page. */
type ReplayedType = "mouse_event" | "touch_event" | "wheel" | "key" | "text";

type Handler<T extends ClientMessage["type"]> = (
  seat: RecordedSeat,
  message: ClientMessageOf<T>,
) => void | Promise<void>;

const HANDLERS = {
  mouse_event: replay,
  touch_event: replay,
  wheel: replay,
  key: replay,
  text: replay,
  ack: ({ session, viewer }, { seq, whole }) => session.operators.acknowledge(viewer, seq, whole),
  view: ({ session, viewer }, { mode, scale }) => session.operators.setLens(viewer, { mode, scale }),
  check_completion: checkCompletion,
  ping: pong,
  heartbeat: pong,
  pong: () => {},
  take_control: ({ session, viewer }) => session.operators.takeControl(viewer),
  release_control: ({ session, viewer }) => session.operators.releaseControl(viewer),
  finish,
  extend,
  features: ({ session, viewer }, { features }) => session.operators.setFeatures(viewer, features),
  answer_dialog: answer,
  answer_pick: answer,
  answer_files: answerFiles,
  answer_sign_in: answer,
  navigate: ({ session, viewer }, { action }) => session.operators.navigate(viewer, action),
  window: ({ session, viewer }, { window_id, action }) => session.operators.window(viewer, window_id, action),
  // The socket is authenticated already, or needs nothing.
  authenticate: ({ viewer }, { id }) => viewer.send({ type: "authentication_result", ...WELCOME }, id),
} satisfies { [T in ClientMessage["type"]]: Handler<T> };

/** Does what the message asks for. Throws AppError: the caller answers the client with it. */
export function handleMessage<T extends ClientMessage["type"]>(
  seat: RecordedSeat,
  message: ClientMessageOf<T>,
): void | Promise<void> {
  if (seat.viewer.role === "watch" && !WATCHER_MESSAGES.has(message.type)) {
    throw new AppError("forbidden", { why: "this link lets you watch only" });
  }
  const handler = HANDLERS[message.type] as Handler<T>;
  const number = numberOf(message);
  return number === null ? handler(seat, message) : once(seat, message, number, () => handler(seat, message));
}

/** [W30] A repeat is confirmed, and not done again. What the act throws is answered instead of a confirmation. */
async function once(
  { session, viewer }: RecordedSeat,
  { id }: ClientMessage,
  number: MessageNumber,
  act: () => void | Promise<void>,
): Promise<void> {
  if (session.processed.begin(number)) await act();
  if (!session.ended) viewer.send({ type: "done" }, id);
}

function replay({ session, viewer }: Seat, message: ClientMessageOf<ReplayedType>): void {
  session.input(viewer, message);
}

function answer({ session, viewer }: Seat, message: Exclude<Answer, { type: "answer_files" }>): Promise<void> {
  return session.operators.answer(viewer, message);
}

async function answerFiles(
  { session, viewer, record }: RecordedSeat,
  message: ClientMessageOf<"answer_files">,
): Promise<void> {
  const { files, bytes } = await session.files.answer(viewer, message);
  if (files > 0) record("file.give", { operator: viewer.name, files, bytes });
}

function pong({ viewer }: Seat, { id }: ClientMessageOf<"ping" | "heartbeat">): void {
  viewer.send({ type: "pong" }, id);
}

async function checkCompletion({ session, viewer }: Seat, { id }: ClientMessageOf<"check_completion">): Promise<void> {
  await session.check((answer) => viewer.send({ type: "completion_status", ...answer }, id));
}

async function finish(seat: RecordedSeat, message: ClientMessageOf<"finish">): Promise<void> {
  const { session, viewer } = seat;
  const answer = await session.finish(viewer, message);
  // `done` may also find that the rules hold, or that the session has ended otherwise: `reason` says which.
  if (!session.ended) {
    viewer.send({ type: "completion_status", ...answer }, message.id);
    return;
  }
  const facts = { operator: viewer.name, reason: answer.reason };
  seat.record(`finish.${message.outcome}`, { ...facts, ...contradictionsOf(session) });
}

/** How many rules spoke against an operator's word. The audit trail has no rules: they may name paths of the page. */
function contradictionsOf({ record }: Seat["session"]): { readonly contradictions?: number } {
  return record.contradicted_by.length > 0 ? { contradictions: record.contradicted_by.length } : {};
}

function extend({ session, viewer, record }: RecordedSeat, { seconds }: ClientMessageOf<"extend">): void {
  session.extend(seconds);
  record("session.extend", { operator: viewer.name, expires_at: new Date(session.record.expires_at).toISOString() });
}
