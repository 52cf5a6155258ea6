/** `captcha-remote links rotate`: makes a new secret that signs operator links. */
import { KeyRing } from "../auth/key-ring.ts";
import { Links } from "../auth/links.ts";
import { ConfigError, configFromProcess } from "../config.ts";
import { attachStorage } from "../storage/storage.ts";
import type { Command } from "./command.ts";
import { recordCommand } from "./record.ts";

const REVOKE_OLD = "--revoke-old";

export const linksCommand: Command = {
  usage: [
    ["links rotate", "signs new operator links with a new secret"],
    ["links rotate --revoke-old", "... and makes all links void that were given out before"],
  ],
  run([verb, ...argv], write) {
    if (verb !== "rotate") throw new ConfigError(["links: rotate"]);
    const forgetOlder = argv.includes(REVOKE_OLD);
    const { dataDir } = configFromProcess(argv.filter((word) => word !== REVOKE_OLD));
    const storage = attachStorage(dataDir);
    try {
      recordCommand(storage.audit, "links.rotate", { older_links: forgetOlder ? "void" : "good" });
      const ring = new KeyRing(dataDir);
      ring.rotate({ forgetOlder });
      // Operators who joined by an older link are still connected; a running server disconnects them within seconds.
      if (forgetOlder) new Links(storage.links, ring).revokeAll();
    } finally {
      storage.close();
    }
    write(
      forgetOlder
        ? "A new secret signs operator links. All that were given out before are void.\n"
        : "A new secret signs operator links. Those that were given out before stay good until they expire.\n",
    );
    return 0;
  },
};
