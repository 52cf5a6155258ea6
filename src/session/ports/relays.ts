/** [W55] The port to the pages that bots lend over a relay. src/browser/ implements it. */
import type { Code } from "../../errors.ts";
import type { GoneReason, RelayHello, RelayResume } from "../../protocol/relay.ts";
import type { FrameSocket } from "../../protocol/relay-line.ts";
import type { RelayWelcome } from "../../protocol/relay-terms.ts";

/** As much of a bot's socket as its relay uses. */
export interface RelaySocket extends FrameSocket {
  /** Asks how long the line takes: `roundTrip` of the seat is called with the answer. */
  ping(): void;
  /** Closes with the code's own close code; null: as usual. */
  close(code: Code | null): void;
}

/** A bot's place at its relay, for as long as its socket lives. */
export interface RelaySeat {
  readonly welcome: RelayWelcome;
  /** Sends what the bot has not got yet: call it once `welcome` is sent. Throws AppError relay_violation. */
  begin(): void;
  /** Takes a binary message. Throws AppError relay_violation, lagging: the relay has ended. */
  take(frame: Buffer): void;
  /** How long a ping took there and back, ms. */
  roundTrip(ms: number): void;
  /** The socket is gone. The relay waits for another one. */
  left(): void;
}

/** Why a relay has ended: what the bot says of its page, that no line came back, or the server's own reason. */
export type RelayEnd = GoneReason | "line_lost" | "lagging" | "relay_violation" | "shutting_down";

export interface Lender {
  /** The id of its key; null: AUTH is off. */
  readonly owner: string | null;
  /** Called once, when the relay has ended. */
  readonly onEnd: (reason: RelayEnd) => void;
}

export interface Relays {
  /** Registers the page that a bot lends. Throws AppError capacity. */
  begin(hello: RelayHello, lender: Lender, socket: RelaySocket): RelaySeat;
  /** Goes on with a relay whose line was broken. Throws AppError relay_not_found. */
  resume(resume: RelayResume, owner: string | null, socket: RelaySocket): RelaySeat;
  /** How many relays there are, those without a line included. */
  readonly size: number;
  /** Ends all of them. Call it once no session uses one: each lets go of its page first. */
  close(): void;
}
