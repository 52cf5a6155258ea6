/** Every route of the API and who gets in: what the attacks of this folder are tried on. */
import type { Scope } from "../../src/auth/caller.ts";

export interface ApiRoute {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `{id}` and `{link_id}` stand for a session's and a link's. */
  readonly path: string;
  readonly body?: (id: string) => object;
  /** A key with this scope alone gets in, to its own session where there is one; null: anybody gets in. */
  readonly scope: Scope | null;
  /** What `operate` without labels is answered, where it gets in as well. */
  readonly operates?: number;
  /** What somebody's own key is answered; 200 when left out. */
  readonly own?: number;
  /** What another bot's key, and an unknown id, are answered; 404 when left out. */
  readonly foreign?: number;
  /** What `ops` is answered for a session of somebody else; as `own` when left out. */
  readonly ops?: number;
}

const mouse = (session_id: string) => ({ session_id, event_type: "move", x: 1, y: 1 });

/** In an order in which each can be tried on the same living session; what ends it comes last. */
export const API_ROUTES: readonly ApiRoute[] = [
  { method: "GET", path: "/session/{id}", scope: "sessions:read" },
  { method: "GET", path: "/screenshot/{id}", scope: "sessions:read", operates: 200 },
  { method: "GET", path: "/status/{id}", scope: "sessions:read", foreign: 200 },
  { method: "GET", path: "/session/{id}/events", scope: "sessions:read" },
  { method: "GET", path: "/session/{id}/result", scope: "sessions:read", own: 409, ops: 403 },
  {
    method: "POST",
    path: "/session/{id}/report",
    body: () => ({ correct: true }),
    scope: "sessions:control",
    own: 409,
    ops: 403,
  },
  { method: "POST", path: "/session/{id}/ticket", scope: "sessions:control", operates: 200 },
  {
    method: "POST",
    path: "/session/{id}/links",
    body: () => ({ role: "watch" }),
    scope: "sessions:control",
    operates: 201,
    own: 201,
  },
  {
    method: "POST",
    path: "/session/{id}/answer",
    body: () => ({ text: "123456" }),
    scope: "sessions:control",
    operates: 200,
  },
  {
    method: "POST",
    path: "/session/{id}/invitation",
    body: () => ({ way: "code" }),
    scope: "sessions:control",
  },
  { method: "DELETE", path: "/session/{id}/links/none", scope: "sessions:control", own: 404 },
  { method: "GET", path: "/session/{id}/sounds/none", scope: "sessions:control", operates: 404, own: 404 },
  // No page waits for a file.
  {
    method: "PUT",
    path: "/session/{id}/files/none?name=a.png",
    body: () => ({}),
    scope: "sessions:control",
    operates: 409,
    own: 409,
  },
  { method: "POST", path: "/session/{id}/extend", body: () => ({ seconds: 1 }), scope: "sessions:control" },
  // Whoever operates comes first in these attacks, and has it then.
  {
    method: "POST",
    path: "/session/{id}/claim",
    body: () => ({}),
    scope: "sessions:control",
    operates: 200,
    own: 409,
  },
  { method: "POST", path: "/session/{id}/release", body: () => ({}), scope: "sessions:control", operates: 200 },
  { method: "POST", path: "/mouse_event", body: mouse, scope: "sessions:control" },
  { method: "POST", path: "/check_completion", body: (session_id) => ({ session_id }), scope: "sessions:control" },
  { method: "DELETE", path: "/session/{id}", scope: "sessions:control" },
];

/** About no session, or for anybody. */
export const OTHER_ROUTES: readonly ApiRoute[] = [
  { method: "GET", path: "/sessions", scope: "sessions:read", operates: 200 },
  { method: "POST", path: "/sessions", body: () => ({}), scope: "sessions:create", own: 400 },
  { method: "GET", path: "/history", scope: "sessions:read", operates: 200 },
  { method: "GET", path: "/events", scope: "sessions:read", operates: 200 },
  // No message of the protocol: what is looked at here is who gets in.
  { method: "POST", path: "/mcp", body: () => ({}), scope: "sessions:create", own: 400 },
  // A code is what lets somebody in here, and this is none.
  { method: "POST", path: "/session/none/code", body: () => ({ code: "000000" }), scope: null, own: 401 },
  { method: "POST", path: "/notices", body: () => ({ message: "At noon." }), scope: "ops" },
  { method: "GET", path: "/audit", scope: "ops" },
  { method: "GET", path: "/metrics", scope: "ops" },
  { method: "GET", path: "/healthz", scope: null },
  { method: "GET", path: "/readyz", scope: null },
];
