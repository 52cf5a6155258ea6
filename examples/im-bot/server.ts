// Starts the simulator of a messaging server: each line that is typed is a message to the bot.
import console from "node:console";
import { createInterface } from "node:readline";
import { startChatServer } from "./simulator/chat-server.ts";

const [port = "3200", staleAfterReplies = "3"] = process.argv.slice(2);
const server = await startChatServer({
  port: Number(port),
  staleAfterReplies: Number(staleAfterReplies),
  onReply: (text) => console.log(`bot: ${text}`),
});
console.log(`The chat server is at ${server.url}. After ${staleAfterReplies} replies it wants to see a person.`);
console.log("Type a message to the bot:");

const typed = createInterface({ input: process.stdin });
typed.on("line", (text) => server.say(text));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    typed.close();
    void server.close();
  });
}
