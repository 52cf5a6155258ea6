/** [R25] An operator uploads a file that the page waits for. */
import type { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { AuditTrail } from "../../audit/trail.ts";
import type { Authenticator } from "../../auth/authenticator.ts";
import { sessionIdSchema } from "../../protocol/common.ts";
import { uploadAnswerSchema, uploadQuerySchema } from "../../protocol/files.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { assertMayAct, TO_ACT } from "../guards/acting.ts";
import { recorderOf } from "../guards/audit-recorder.ts";
import { goneSignal } from "../guards/authorization.ts";
import { cutOffRest, withoutTimeout } from "../guards/slow-bodies.ts";

export interface FileRoutesOptions {
  readonly controller: Pick<CaptchaRemoteController, "subject" | "files">;
  readonly authenticator: Pick<Authenticator, "whenOver">;
  readonly audit: AuditTrail;
}

const params = z.object({ id: sessionIdSchema, chooser: z.string().min(1).max(64) });

export const fileRoutes: FastifyPluginAsyncZod<FileRoutesOptions> = async (app, options) => {
  const { controller, authenticator, audit } = options;
  // A file may be of any type, and is never held in memory.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));

  app.put(
    "/session/:id/files/:chooser",
    {
      config: { access: TO_ACT },
      schema: {
        summary: "Upload a file that the page waits for",
        description:
          "The body is the file itself, its Content-Type the file's type. `chooser` is the `question_id` of `ask_files`.",
        tags: ["operators"],
        params,
        querystring: uploadQuerySchema,
        response: { 201: uploadAnswerSchema, "4xx": errorAnswerSchema, "5xx": errorAnswerSchema },
      },
      onRequest: async (request) => withoutTimeout(request.raw),
      onResponse: async (request) => cutOffRest(request.raw),
    },
    async (request, reply) => {
      const { id, chooser } = request.params;
      assertMayAct(request.caller, controller.subject(id));
      const facts = { name: request.query.name, type: typeOf(request) };
      const gone = goneSignal(request, reply as FastifyReply, authenticator);
      const file = await controller.files(id).receive(chooser, facts, bodyOf(request), gone);
      recorderOf(audit, request)("file.upload", id, { bytes: file.bytes });
      return reply.status(201).send({ file_id: file.id, name: file.name, bytes: file.bytes });
    },
  );
};

/** An empty file has no body. */
function bodyOf({ body }: FastifyRequest): AsyncIterable<Uint8Array> {
  return (body as Readable | undefined) ?? noBytes();
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

/** Without parameters; empty: the client did not say. */
function typeOf({ headers }: FastifyRequest): string {
  return headers["content-type"]?.split(";")[0]?.trim().toLowerCase() ?? "";
}
