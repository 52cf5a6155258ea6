/** The tools over stateless Streamable HTTP: a server for each request, so that nothing is kept between two of them. */
import { type AuthInfo, createMcpHandler } from "@modelcontextprotocol/server";
import { VERSION } from "../protocol/version.ts";
import { Api, type SendRequest } from "./api.ts";
import { humanTools } from "./human-tools.ts";
import { RequestStates, type StateKeys } from "./request-state.ts";

/** One HTTP request, whose caller is authenticated. */
export interface McpCall {
  readonly request: Request;
  /** The parsed body. */
  readonly body: unknown;
  /** The caller's name. */
  readonly who: string;
  /** Sends REST requests as this caller. */
  readonly send: SendRequest;
}

export interface McpEndpoint {
  answer(call: McpCall): Promise<Response>;
  /** Aborts what is under way. */
  close(): Promise<void>;
}

export function mcpEndpoint(keys: StateKeys, onError: (error: Error) => void): McpEndpoint {
  /** The library hands this object through, and looks into nothing of it. */
  const calls = new WeakMap<AuthInfo, McpCall>();
  const handler = createMcpHandler(
    ({ authInfo, era }) => {
      const call = authInfo && calls.get(authInfo);
      if (!call) throw new Error("a call without a caller");
      const states = new RequestStates(keys, call.who);
      return humanTools({
        api: new Api(call.send),
        states,
        comesAgain: era === "modern",
        version: VERSION,
      });
    },
    { onerror: onError },
  );
  return {
    answer(call) {
      const authInfo: AuthInfo = { token: "", clientId: call.who, scopes: [] };
      calls.set(authInfo, call);
      return handler.fetch(call.request, { authInfo, parsedBody: call.body });
    },
    close: () => handler.close(),
  };
}
