/** Parses the text of a message, or throws an error that names what is wrong with it. */
import type { z } from "zod";
import { AppError } from "../../errors.ts";
import { CLIENT_MESSAGE_TYPES, type ClientMessage, clientMessageSchema, messageIdSchema } from "../../protocol/live.ts";

/** [W1] The id in the text of a refused message, so that its sender learns which one it was; undefined if it has none. */
export function idOf(text: string): string | number | undefined {
  try {
    return messageIdSchema.safeParse(JSON.parse(text)).data?.id;
  } catch {
    return undefined;
  }
}

/** A message of an operator. Throws AppError: invalid_message with the field, unknown_type. */
export function parseMessage(text: string): ClientMessage {
  return parseJsonMessage(text, clientMessageSchema, CLIENT_MESSAGE_TYPES);
}

/** The same for any schema that is discriminated by `type`; `types` are all that it knows. */
export function parseJsonMessage<Message>(text: string, schema: z.ZodType<Message>, types: readonly string[]): Message {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new AppError("invalid_message", { field: "message", why: "not JSON" });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  if (typeof type === "string" && !types.includes(type)) {
    throw new AppError("unknown_type", { type: type.slice(0, 64) });
  }
  const issue = parsed.error.issues[0];
  throw new AppError("invalid_message", {
    field: issue?.path.join(".") || "message",
    why: issue?.message ?? "invalid",
  });
}
