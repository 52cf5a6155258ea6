/** `captcha-remote sessions`, `session`, `cancel`, `history`: the server's sessions for ops, as a table or as JSON. */
import { ConfigError } from "../config.ts";
import type { History, HistoryEntry } from "../protocol/history.ts";
import type { SessionDetail, SessionListItem } from "../protocol/rest.ts";
import { type Command, takeOptions } from "./command.ts";
import { type Ask, serverOf } from "./remote.ts";
import { span, tableOf } from "./table.ts";

/** Asks the server, and resolves with the text to print. */
type Answer = (ask: Ask, wish: Wish) => Promise<string>;

/** The arguments of a command: the session's id, the filters as a query, and whether to print JSON. */
interface Wish {
  readonly id: string;
  readonly query: string;
  readonly json: boolean;
}

const sessions: Answer = async (ask, { query, json }) => {
  const answer = await ask<{ sessions: SessionListItem[] }>("GET", `/sessions${query}`);
  if (json) return lines(answer.sessions);
  if (answer.sessions.length === 0) return "No sessions.\n";
  const head = ["SESSION", "STATE", "LABEL", "AGE", "LEFT", "PEOPLE", "TAKEN BY"];
  return tableOf(
    head,
    answer.sessions.map(({ session_id, state, label, created_at, expires_at, operators, claimed_by }) => [
      session_id,
      state,
      label ?? "-",
      span(Date.now() - Date.parse(created_at)),
      span(Date.parse(expires_at) - Date.now()),
      String(operators),
      claimed_by ?? "-",
    ]),
  );
};

const session: Answer = async (ask, { id, json }) => {
  const { screenshot: _, ...facts } = await ask<SessionDetail>("GET", `/session/${encodeURIComponent(id)}`);
  if (json) return `${JSON.stringify(facts)}\n`;
  return tableOf(
    ["WHAT", ""],
    Object.entries(facts).map(([what, value]) => [
      what,
      value === null ? "-" : typeof value === "object" ? JSON.stringify(value) : String(value),
    ]),
  );
};

const cancel: Answer = async (ask, { id, json }) => {
  const answer = await ask<{ success: true }>("DELETE", `/session/${encodeURIComponent(id)}`);
  return json ? `${JSON.stringify(answer)}\n` : `${id} has ended.\n`;
};

const history: Answer = async (ask, { query, json }) => {
  const { sessions: ended } = await ask<History>("GET", `/history${query}`);
  if (json) return lines(ended);
  if (ended.length === 0) return "No sessions have ended.\n";
  const row = ({ session_id, state, reason, label, ended_at, duration_ms, operator_came }: HistoryEntry) => [
    ended_at,
    session_id,
    state,
    reason ?? "-",
    label ?? "-",
    span(duration_ms),
    operator_came ? "yes" : "no",
  ];
  return tableOf(["ENDED", "SESSION", "STATE", "REASON", "LABEL", "LASTED", "SOMEBODY CAME"], ended.map(row));
};

/** One line of JSON for each value. */
function lines(values: readonly object[]): string {
  return values.map((value) => `${JSON.stringify(value)}\n`).join("");
}

interface Given {
  readonly what: string;
  readonly answer: Answer;
  /** Options that become parameters of the query. */
  readonly filters?: readonly string[];
  readonly needsId?: true;
}

function command(name: string, { what, answer, filters = [], needsId }: Given): Command {
  const call = [name, ...(needsId ? ["ID"] : []), ...filters.slice(0, 1).map((filter) => `[--${filter} X ...]`)];
  return {
    usage: [[call.join(" "), what]],
    async run(argv, write) {
      const json = argv.includes("--json");
      const { own, rest } = takeOptions(
        argv.filter((word) => word !== "--json"),
        filters,
      );
      const [first] = rest;
      const id = first !== undefined && !first.startsWith("-") ? first : undefined;
      if (needsId && id === undefined) throw new ConfigError([`${name}: the id of a session is missing`]);
      if (!needsId && id !== undefined) throw new ConfigError([`${name}: what is ${id}?`]);
      const query = Object.keys(own).length === 0 ? "" : `?${new URLSearchParams(own as Record<string, string>)}`;
      const wish = { id: id ?? "", query, json };
      write(await answer(serverOf(id === undefined ? rest : rest.slice(1)), wish));
      return 0;
    },
  };
}

const FILTERS = ["state", "label", "reason", "session_id", "since", "until", "limit"];

export const SESSION_COMMANDS: Readonly<Record<string, Command>> = {
  sessions: command("sessions", {
    what: "prints the living sessions, or those in these states",
    answer: sessions,
    filters: ["state"],
  }),
  session: command("session", { what: "prints all that is known of one", answer: session, needsId: true }),
  cancel: command("cancel", { what: "ends one", answer: cancel, needsId: true }),
  history: command("history", {
    what: `prints ended ones, newest first, by ${FILTERS.join(", ")}`,
    answer: history,
    filters: FILTERS,
  }),
};
