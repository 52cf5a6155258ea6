/** [R26] A sound clip that the page offers to the person in control. */
import type { FastifyReply } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { sessionIdSchema } from "../../protocol/common.ts";
import { errorAnswerSchema } from "../../protocol/rest.ts";
import type { CaptchaRemoteController } from "../../session/controller.ts";
import { assertMayAct, TO_ACT } from "../guards/acting.ts";

export interface SoundRoutesOptions {
  readonly controller: Pick<CaptchaRemoteController, "subject" | "sound">;
}

const params = z.object({ id: sessionIdSchema, sound: z.string().min(1).max(64) });

export const soundRoutes: FastifyPluginAsyncZod<SoundRoutesOptions> = async (app, { controller }) => {
  app.get(
    "/session/:id/sounds/:sound",
    {
      config: { access: TO_ACT },
      schema: {
        summary: "A sound of the challenge",
        description: "The bytes that the page has loaded. `sound` is the `sound_id` of a `sound` message.",
        tags: ["operators"],
        params,
        response: { "4xx": errorAnswerSchema, "5xx": errorAnswerSchema },
      },
    },
    async ({ params: { id, sound }, caller }, reply) => {
      assertMayAct(caller, controller.subject(id));
      // The page has chosen the type: a browser must not take these bytes for a document of this server.
      return (reply as FastifyReply)
        .type("application/octet-stream")
        .header("content-disposition", "attachment")
        .header("cache-control", "no-store")
        .send(controller.sound(id, sound).bytes);
    },
  );
};
