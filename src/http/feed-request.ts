/** [R18] From the text of a reader's message to what it asks for, or to an error that names what is wrong with it. */
import { FEED_REQUEST_TYPES, type FeedRequest, feedRequestSchema } from "../protocol/feed.ts";
import { parseJsonMessage } from "./sockets/parse-message.ts";

/** AppError invalid_message with the field, or unknown_type. */
export function parseFeedRequest(text: string): FeedRequest {
  return parseJsonMessage(text, feedRequestSchema, FEED_REQUEST_TYPES);
}
