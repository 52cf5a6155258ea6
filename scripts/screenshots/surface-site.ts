/** A site whose pages ask for what a picture cannot show: lists, dialogs, files, windows, sounds, sign-ins. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { wav } from "../../test/support/wav.ts";

/** Where each page has what is pressed: in the middle, at this height (CSS px). */
export const ACT_Y = 430;

/** Long enough to be photographed while it plays: 20 s. */
const SOUND_SAMPLES = 160_000;
const TOWNS = 5_000;

interface SitePage {
  readonly title: string;
  readonly text: string;
  /** Markup of what is pressed. */
  readonly act: string;
  readonly script?: string;
}

const button = (label: string) => `<button id="act">${label}</button>`;
const onPress = (statement: string) => `document.getElementById("act").onclick = () => { ${statement} };`;

const PAGES: Readonly<Record<string, SitePage>> = {
  select: {
    title: "How should it arrive?",
    text: "Choose a delivery for parcel 4711. It is free from 20 € on.",
    act: `<select id="act" aria-label="Delivery"><optgroup label="To your door"><option>Tomorrow before noon<option selected>Tomorrow afternoon<option disabled>Tonight (sold out)</optgroup><optgroup label="To pick up"><option>Parcel shop, Station Road 12<option>Locker at the town hall, open day and night, for parcels up to 60 cm</optgroup></select>`,
  },
  several: {
    title: "When are you in?",
    text: "Choose all the days that suit you.",
    act: `<select id="act" multiple size="1" aria-label="Days">${["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"].map((day) => `<option>${day}`).join("")}</select>`,
  },
  search: {
    title: "Where to?",
    text: `There are ${TOWNS.toLocaleString("en")} towns to choose from.`,
    act: `<select id="act" aria-label="Town">${Array.from({ length: TOWNS }, (_, at) => `<option>Town ${at + 1}`).join("")}</select>`,
  },
  suggestions: {
    title: "Which street?",
    text: "Begin to type, or take a suggestion.",
    act: `<input id="act" list="streets" aria-label="Street"><datalist id="streets"><option value="Station Road"><option value="Mill Lane"><option value="Harbour Street"></datalist>`,
  },
  date: {
    title: "Which day?",
    text: "Parcels come on the day that you choose.",
    act: `<input id="act" type="date" aria-label="Day of delivery" value="2026-12-04" min="2026-12-01" max="2026-12-31">`,
  },
  colour: {
    title: "Which colour?",
    text: "The ribbon of your parcel can have any colour.",
    act: `<input id="act" type="color" aria-label="Colour of the ribbon" value="#2f7f86">`,
  },
  alert: {
    title: "Almost there",
    text: "Confirm the order.",
    act: button("Order"),
    script: onPress(`alert("Your basket has changed since you came: one thing is sold out.")`),
  },
  confirm: {
    title: "Cancel the order?",
    text: "Parcel 4711 is on its way.",
    act: button("Cancel the order"),
    script: onPress(`confirm("Cancel order 4711?\\n\\nIt cannot be undone, and the parcel goes back.")`),
  },
  prompt: {
    title: "A gift?",
    text: "Its card can have a name.",
    act: button("Add a card"),
    script: onPress(`prompt("Whose name stands on the card?", "Ada Lovelace")`),
  },
  leave: {
    title: "Your address",
    text: "It is not saved yet.",
    act: button("Back to the shop"),
    script: `addEventListener("beforeunload", (event) => event.preventDefault()); ${onPress(`location.href = "/alert"`)}`,
  },
  files: {
    title: "Who are you?",
    text: "Show your identity card, both sides.",
    act: `<input id="act" type="file" multiple accept="image/*,application/pdf" aria-label="Identity card">`,
  },
  windows: {
    title: "Sign in to go on",
    text: "Parcel 4711 waits for its owner.",
    act: button("Sign in with another account"),
    script: `document.title = "Northwind Parcels"; ${onPress(`open("/window", "_blank")`)}`,
  },
  window: {
    title: "Sign in",
    text: "With the account that you have elsewhere.",
    act: button("Terms of use"),
    script: `document.title = "Sign in with your account at Example Identity"; ${onPress(`open("/terms", "_blank")`)}`,
  },
  terms: {
    title: "Terms of use",
    text: "They are long.",
    act: button("Agree"),
    script: `document.title = "Terms of use"`,
  },
  sounds: {
    title: "Type what you hear",
    text: "Press for a new sound.",
    act: button("Listen"),
    script: `let heard = 0; ${onPress(`heard += 1; new Audio("/sound.wav?" + heard).play()`)}`,
  },
  copied: {
    title: "A coupon for you",
    text: "SPRING-2026-PARCEL: 5 € off the next order.",
    act: button("Copy the coupon"),
    script: onPress(`
      addEventListener("copy", (event) => { event.clipboardData.setData("text/plain", "SPRING-2026-PARCEL"); event.preventDefault(); }, { once: true });
      document.execCommand("copy");`),
  },
  field: {
    title: "Who is it for?",
    text: "Its name as it stands at the door.",
    act: `<input id="act" aria-label="Name" autocomplete="off">`,
  },
  code: {
    title: "Is it you?",
    text: "We have sent a code of six digits to your phone.",
    act: `<form onsubmit="event.preventDefault()"><input id="act" autocomplete="one-time-code" inputmode="numeric" name="code" aria-label="Code"><button style="position:absolute;left:24px;bottom:90px;height:36px">Verify</button></form>`,
  },
  slider: {
    title: "Slide to the right",
    text: "An exact hand is needed.",
    act: `<input id="act" type="range" aria-label="Slider" value="30">`,
  },
};

const STYLE = `
  body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1d2733; background: linear-gradient(170deg, #f5f8fc, #d9e4ef); height: 100vh; overflow: hidden }
  header { padding: 0 24px; font-weight: 700; line-height: 64px; color: #fff; background: #16324f }
  #captcha { position: absolute; left: 50%; top: 150px; box-sizing: border-box; width: 350px; height: 330px; margin-left: -175px;
    padding: 24px; border-radius: 12px; background: #fff; box-shadow: 0 8px 30px #16324f30 }
  h1 { margin: 0 0 8px; font-size: 24px } p { margin: 0 }
  #act { position: absolute; left: 24px; bottom: ${150 + 330 - ACT_Y - 26}px; box-sizing: border-box; width: 302px; height: 52px; padding: 0 12px;
    border: 1px solid #8595a8; border-radius: 8px; font: inherit; background: #fff; caret-color: transparent }
  button#act { border: 0; color: #fff; background: #2f7f86 }`;

function documentOf({ title, text, act, script = "" }: SitePage): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style><header>Northwind Parcels</header>
<main id="captcha"><h1>${title}</h1><p>${text}</p>${act}</main><script>${script}</script></html>`;
}

/** Resolves with the site's origin and what stops it. */
export async function startSurfaceSite(): Promise<{ origin: string; stop: () => Promise<void> }> {
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? "/", "http://site");
    answer(pathname.slice(1), Number(search.slice(1)), response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** `sound`: the same sound is offered once only, so each has another length. */
function answer(name: string, sound: number, response: ServerResponse): void {
  const page = PAGES[name];
  response.setHeader("content-type", "text/html; charset=utf-8");
  if (name === "sound.wav") response.setHeader("content-type", "audio/wav").end(wav(SOUND_SAMPLES + sound));
  else if (name === "sign-in") {
    const refusal = documentOf({ title: "For our staff", text: "Please sign in.", act: "" });
    response.writeHead(401, { "www-authenticate": `Basic realm="Parcels, for staff"` }).end(refusal);
  } else if (page === undefined) response.writeHead(404).end();
  else response.end(documentOf(page));
}
