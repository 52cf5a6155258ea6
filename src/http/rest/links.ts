/** Operator links [R13], as a QR code too, and the tickets they are exchanged for [R16]. */
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import sharp from "sharp";
import { renderSVG } from "uqr";
import { z } from "zod";
import type { AuditTrail } from "../../audit/trail.ts";
import { mayInvite, roleIn } from "../../auth/permissions.ts";
import { AppError } from "../../errors.ts";
import { sessionIdSchema } from "../../protocol/common.ts";
import { linkAnswerSchema, linkBodySchema, OPERATORS_LINKS, ticketAnswerSchema } from "../../protocol/links.ts";
import { errorAnswerSchema, successSchema } from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { recorderOf } from "../guards/audit-recorder.ts";

export interface LinkRoutesOptions {
  readonly audit: AuditTrail;
  readonly controller: CaptchaRemoteController;
}

const idParams = z.object({ id: sessionIdSchema });
const linkParams = z.object({ id: sessionIdSchema, link_id: z.string().min(1).max(64) });
const failures = { "4xx": errorAnswerSchema, "5xx": errorAnswerSchema };
/** White modules around a QR code; without them cameras do not find it. */
const QR_QUIET_ZONE = 4;
/** px of one module; large enough to be shown as it is. */
const QR_MODULE = 8;
const CONTROL = { scopes: ["sessions:control"], session: "params" } as const;

export const linkRoutes: FastifyPluginAsyncZod<LinkRoutesOptions> = async (app, { controller, audit }) => {
  app.post(
    "/session/:id/links",
    {
      config: { access: { scopes: ["sessions:control", "operate"], session: "params" } },
      schema: {
        summary: "Make an operator link",
        description: "For another person, or another device: to act in the page, or to watch only.",
        tags: ["bots"],
        params: idParams,
        body: linkBodySchema,
        response: { 201: linkAnswerSchema, ...failures },
      },
    },
    async (request, reply) => {
      const { params, body, caller } = request;
      const subject = controller.subject(params.id);
      // A caller that may only watch makes no links.
      if (subject && roleIn(caller, subject) !== "control") throw new AppError("forbidden");
      const bounds = subject && !mayInvite(caller, subject) ? OPERATORS_LINKS : undefined;
      if (bounds && (body.ttl_seconds ?? 0) > bounds.seconds) {
        throw new AppError("forbidden", { field: "ttl_seconds", max: bounds.seconds });
      }
      const link = await controller.makeLink(params.id, body, bounds);
      recorderOf(audit, request)("link.create", params.id, { link: link.link_id, role: link.role });
      return reply.status(201).send(body.qr ? { ...link, qr: await qrCodeOf(link.url) } : link);
    },
  );

  app.delete(
    "/session/:id/links/:link_id",
    {
      config: { access: CONTROL },
      schema: {
        summary: "Revoke an operator link",
        description: "Whoever is connected by it is disconnected at once.",
        tags: ["bots"],
        params: linkParams,
        response: { 200: successSchema, ...failures },
      },
    },
    async (request) => {
      const { params } = request;
      controller.revokeLink(params.id, params.link_id);
      recorderOf(audit, request)("link.revoke", params.id, { link: params.link_id });
      return { success: true as const };
    },
  );

  app.post(
    "/session/:id/ticket",
    {
      config: { access: { scopes: ["sessions:control", "operate"], session: "params", byLink: true } },
      schema: {
        summary: "Exchange a link's token, or a key, for a ticket",
        description: "Opens the operator socket once, within 30 s.",
        tags: ["operators"],
        params: idParams,
        response: { 200: ticketAnswerSchema, ...failures },
      },
    },
    async ({ params, caller }) => controller.ticket(params.id, caller),
  );
};

/** A link as a QR code that a phone's camera reads: a PNG, as a data URL. */
async function qrCodeOf(link: string): Promise<string> {
  const svg = renderSVG(link, { border: QR_QUIET_ZONE, pixelSize: QR_MODULE });
  const png = await sharp(Buffer.from(svg)).png({ palette: true, colours: 2 }).toBuffer();
  return `data:image/png;base64,${png.toString("base64")}`;
}
