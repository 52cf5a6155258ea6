/** [M1] `/mcp`: the MCP tools over Streamable HTTP, for whoever may create sessions. Each tool is a request to REST by the same caller. */
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Authenticator } from "../../auth/authenticator.ts";
import { nameOf } from "../../auth/caller.ts";
import type { DerivedKeys } from "../../auth/derived-keys.ts";
import { AppError } from "../../errors.ts";
import type { SendRequest } from "../../mcp/api.ts";
import type { McpEndpoint } from "../../mcp/http.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import { goneSignal } from "../guards/authorization.ts";

export interface McpRoutesOptions {
  readonly authenticator: Pick<Authenticator, "whenOver">;
  /** Throws AppError rate_limited if a caller calls too often. */
  readonly limitCalls: onRequestAsyncHookHandler;
  /** Sign the state of calls [M3]. */
  readonly stateKeys: DerivedKeys;
}

/** The headers that the protocol reads; the caller's key is not among them. */
const FORWARDED = ["accept", "content-type", "mcp-method", "mcp-name", "mcp-protocol-version"];
const ACCESS = { scopes: ["sessions:create"] } as const;

export const mcpRoutes: FastifyPluginAsyncZod<McpRoutesOptions> = async (app, options) => {
  const { authenticator, limitCalls, stateKeys } = options;
  let endpoint: Promise<McpEndpoint> | undefined;
  // Loaded by the first call: a start should not wait for the library.
  const load = () =>
    import("../../mcp/http.ts").then(({ mcpEndpoint }) =>
      mcpEndpoint(stateKeys, (error) => app.log.debug({ err: error }, "MCP request refused")),
    );
  app.addHook("preClose", async () => (await endpoint)?.close());

  app.post(
    "/mcp",
    {
      config: { access: ACCESS },
      onRequest: limitCalls,
      schema: {
        summary: "The MCP tools",
        description: "Model Context Protocol over Streamable HTTP, stateless: docs/protocol/mcp.md has the tools.",
        tags: ["agents"],
        body: z.looseObject({}).meta({ description: "One JSON-RPC message; batches are refused." }),
        response: { "4xx": errorAnswerSchema },
      },
    },
    async (request, reply) => {
      endpoint ??= load();
      const gone = goneSignal(request, reply, authenticator);
      const response = await (await endpoint).answer({
        request: webRequestOf(request, gone),
        body: request.body,
        who: nameOf(request.caller),
        send: sender(app, request, gone),
      });
      reply.header("cache-control", "no-store");
      // The library's answer goes out as it is; the typed reply knows refusals only.
      return reply.send(response as never);
    },
  );

  // There is no stream of the server's own, and no session to delete: the protocol says 405 for both.
  app.route({
    method: ["GET", "DELETE"],
    url: "/mcp",
    config: { access: ACCESS },
    schema: { hide: true },
    handler: async (_request, reply) => {
      reply.status(405).header("allow", "POST");
      const error = new AppError("not_found", { why: "POST only" }).toWire();
      return { error: { ...error, timestamp: new Date().toISOString() } };
    },
  });
};

/** The request as the library reads it; the body is passed beside it. */
function webRequestOf({ headers, url }: FastifyRequest, signal: AbortSignal): Request {
  const forwarded = FORWARDED.flatMap((name): [string, string][] => {
    const value = headers[name];
    return typeof value === "string" ? [[name, value]] : [];
  });
  return new Request(new URL(url, "http://mcp.invalid"), { method: "POST", headers: forwarded, signal });
}

/** Sends requests to REST within this process, as the caller of this request and from its address. */
function sender(
  app: Pick<FastifyInstance, "inject" | "prefix">,
  { headers, ip }: FastifyRequest,
  gone: AbortSignal,
): SendRequest {
  const { authorization, traceparent } = headers;
  return async ({ method, path, body, signal }) => {
    const answer = await app.inject({
      method,
      url: `${app.prefix}${path}`,
      remoteAddress: ip,
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(typeof traceparent === "string" ? { traceparent } : {}),
      },
      ...(body === undefined ? {} : { payload: body }),
      signal: signal ? AbortSignal.any([signal, gone]) : new AbortController().signal,
    });
    return { status: answer.statusCode, body: parsed(answer.payload) };
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
