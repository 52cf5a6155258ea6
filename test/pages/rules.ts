/** Completion rules as a bot writes them. */
import type { CreateSessionInput } from "../../src/protocol/rest.ts";

export type CompletionInput = NonNullable<CreateSessionInput["completion"]>;
