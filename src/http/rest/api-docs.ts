/** The OpenAPI description and its page, made from the same schemas that check the requests. */
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance } from "fastify";
import { jsonSchemaTransform } from "fastify-type-provider-zod";
import type { Config } from "../../config.ts";
import { API_PREFIX } from "../../protocol/api-prefix.ts";
import { VERSION } from "../../protocol/version.ts";

const DESCRIPTION = `A person remote-controls a headless-browser page to clear a captcha or another challenge.
For pages and accounts that you may automate.

POST a session, hand its \`control_url\` to a person, and wait on \`GET /status/{id}?wait=50\`.
The operator socket is described in docs/protocol/operator-socket.md.`;

const WITH_KEYS = "Bots and ops send a key as `Authorization: Bearer`; operators use a link of their session.";
const WITHOUT_KEYS = "**AUTH=off: anyone on this machine can use it.** No key is asked for.";

export async function describeApi(app: FastifyInstance, { auth }: Pick<Config, "auth">): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "captcha-remote",
        description: `${DESCRIPTION}\n\n${auth ? WITH_KEYS : WITHOUT_KEYS}`,
        version: VERSION,
      },
      tags: [
        { name: "bots", description: "What a bot needs" },
        { name: "agents", description: "What agents need: Model Context Protocol" },
        { name: "ops", description: "What ops need" },
        { name: "older clients", description: "Routes of the older protocol" },
        { name: "health" },
        { name: "demo" },
      ],
      ...(auth ? { components: { securitySchemes: { key: { type: "http", scheme: "bearer" } } } } : {}),
    },
    transform: (route) => {
      const transformed = jsonSchemaTransform(route);
      const isOpen = !auth || route.route.config?.access === "public";
      return isOpen ? transformed : { ...transformed, schema: { ...transformed.schema, security: [{ key: [] }] } };
    },
  });
}

/** Hash of the one style sheet that Swagger UI's script writes into the page; it changes with the version. */
const SWAGGER_UI_STYLE = "'sha256-RL3ie0nH+Lzz2YNqQN83mnU0J1ot4QL7b99vMdIX99w='";

/** Everything from this server, styles and scripts in files; no trusted types, as Swagger UI does not support them. */
const PAGE_POLICY = {
  "default-src": ["'none'"],
  "script-src": ["'self'"],
  "style-src": ["'self'", SWAGGER_UI_STYLE],
  "connect-src": ["'self'"],
  "img-src": ["'self'", "data:"],
  "base-uri": ["'none'"],
  "form-action": ["'none'"],
  "frame-ancestors": ["'none'"],
};

/** At the root, and below the API for a proxy that forwards the API only. */
export async function serveApiDocs(app: FastifyInstance): Promise<void> {
  const policy = Object.entries(PAGE_POLICY)
    .map((entry) => entry.flat().join(" "))
    .join("; ");
  for (const routePrefix of ["/documentation", `${API_PREFIX}/documentation`]) {
    await app.register(async (scope) => {
      // The library's own routes describe the service and show nothing of its sessions.
      scope.addHook("onRoute", (route) => {
        route.config = { ...route.config, access: "public" };
      });
      await scope.register(swaggerUi, { routePrefix, staticCSP: policy, uiConfig: { docExpansion: "list" } });
    });
  }
}
