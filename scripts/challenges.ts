/**
 * Writes docs/challenges.md from the table of kinds in the code: `npm run challenges`. A test compares the file with what
 * is generated here.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { OWN_EXCEPTIONS } from "../src/browser/challenge/kinds/generic.ts";
import { KNOWN_KINDS } from "../src/browser/challenge/kinds.ts";
import type { ChallengeKind } from "../src/config.ts";

/** A selector or a part of a URL, as code. */
const code = (text: string) => `\`${text}\``;

/** One line of a cell for each group that has something: "frame `a`, `b`". */
function lines(groups: Readonly<Record<string, readonly string[]>>): string {
  const filled = Object.entries(groups).filter(([, entries]) => entries.length > 0);
  return filled.map(([name, entries]) => `${name}: ${entries.map(code).join(", ")}`).join("<br>") || "-";
}

function doneText(rule: ChallengeKind["done"][number]): string {
  if ("gone" in rule) return "gone";
  if ("visible" in rule) return `visible ${code(rule.visible)}`;
  return `value ${code(rule.value)}${rule.no_answer ? `, but not ${code(rule.no_answer)}` : ""}`;
}

function kindsTable(): string {
  const rows = KNOWN_KINDS.map((kind) => {
    const { min_width: width, min_height: height } = kind;
    const size = width + height > 0 ? `<br>at least ${width} x ${height} px` : "";
    const found = lines({ page: kind.page_urls, frame: kind.frame_urls, element: kind.selectors });
    const cells = [code(kind.kind), kind.vendor, kind.role, `${found}${size}`];
    return `| ${[...cells, kind.done.map(doneText).join("; "), kind.closes ? "yes" : "-"].join(" | ")} |`;
  });
  const header = "| kind | vendor | role | found by | done when | closes |\n|---|---|---|---|---|---|";
  return [header, ...rows].join("\n");
}

function statesTable(): string {
  const rows = KNOWN_KINDS.flatMap((kind) => {
    const isGeneric = kind.role === "generic";
    const badge = {
      frame: kind.not_when.frame_urls,
      element: isGeneric ? OWN_EXCEPTIONS : kind.not_when.selectors,
    };
    const others = isGeneric ? "<br>and what is none, or a sign of success, for any other kind" : "";
    const cells = [lines(badge), lines({ frame: kind.working.frame_urls, element: kind.working.selectors })];
    if (cells.every((cell) => cell === "-")) return [];
    return [`| ${code(kind.kind)} | ${cells[0]}${others} | ${cells[1]} |`];
  });
  return [
    "| kind | no challenge when it is, or is inside of | works by itself when it is, or is inside of |\n|---|---|---|",
    ...rows,
  ].join("\n");
}

function sourcesTable(): string {
  return [
    "| kind | source |\n|---|---|",
    ...KNOWN_KINDS.map(({ kind, source }) => `| ${code(kind)} | ${source} |`),
  ].join("\n");
}

interface FieldText {
  readonly bounds: string;
  readonly unset: string;
  readonly meaning: string;
}

const SELECTORS = "up to 100 CSS selectors of up to 1,000 characters";
const URL_PARTS = "up to 100 parts of a URL of up to 500 characters";

/** Every field of a kind; the type checker asks for the text of a new one. */
export const FIELDS: Readonly<Record<keyof ChallengeKind, FieldText>> = {
  kind: {
    bounds: "`a-z`, `0-9` and `-`, up to 40 characters",
    unset: "required",
    meaning: "the name in `captcha_info.kind`, in evidence and in metrics",
  },
  vendor: { bounds: "up to 200 characters", unset: "empty", meaning: "who makes it, for people" },
  source: { bounds: "up to 1,000 characters", unset: "empty", meaning: "where the facts come from, for people" },
  role: {
    bounds: "`wall`, `widget`, `weak` or `generic`",
    unset: "`widget`",
    meaning: "what comes first where several match, see [roles](#roles)",
  },
  selectors: {
    bounds: SELECTORS,
    unset: "required; may be empty",
    meaning: "a visible match is the box; in order of preference",
  },
  frame_urls: {
    bounds: URL_PARTS,
    unset: "empty",
    meaning: "a visible frame with such an address, fragment included, is the box; in order of preference",
  },
  page_urls: { bounds: URL_PARTS, unset: "empty", meaning: "a page with such an address is itself the challenge" },
  not_when: {
    bounds: "`selectors` and `frame_urls`, as above",
    unset: "empty",
    meaning: "a match that is, or is inside of, such an element or frame is no challenge: a badge, invisible, solved",
  },
  working: {
    bounds: "`selectors` and `frame_urls`, as above",
    unset: "empty",
    meaning: "the same test; such a match works by itself, and nobody is called for some seconds",
  },
  done: {
    bounds: "1 to 20 rules: `gone`, `visible`, `value`",
    unset: '`[{"gone": true}]`',
    meaning: "the signs of success, see [signs](#signs-of-success)",
  },
  closes: {
    bounds: "`true` or `false`",
    unset: "`false`",
    meaning: "a person can close it unsolved, so that its going away alone proves nothing",
  },
  min_width: { bounds: "0 to 10,000 CSS px", unset: "0", meaning: "narrower matches are no box" },
  min_height: { bounds: "0 to 10,000 CSS px", unset: "0", meaning: "flatter matches are no box" },
};

function fieldsTable(): string {
  const rows = Object.entries(FIELDS).map(
    ([field, { bounds, unset, meaning }]) => `| ${code(field)} | ${bounds} | ${unset} | ${meaning} |`,
  );
  return ["| field | bounds | left out | meaning |\n|---|---|---|---|", ...rows].join("\n");
}

/** docs/challenges.md. */
export function challengesPage(): string {
  return `# Kinds of challenges

<!-- Generated by \`npm run challenges\` from the table of kinds in the code. Do not edit this file. -->

The server finds a challenge, shows the part of the page that it is in, and judges whether it is solved. What it knows of each kind is data: the table below, and a file of your own. Nothing in it finds an answer.

[When a challenge is done](protocol/bots.md#when-a-challenge-is-done) has the rules of the verdict. A bot that knows better than the table gives its own [completion rules](protocol/bots.md#completion-rules).

## How to read the table

The first kind with a visible match is the challenge. Within a kind, frames come first, then elements, each in the order of their list: an open task comes before the checkbox that opened it. An entry of an address such as \`a & b\` needs both parts.

### Roles

| role | what it is |
|---|---|
| \`wall\` | stands in place of the whole page or over it, may carry another vendor's widget, and is judged by itself |
| \`widget\` | the usual box in a page, or a dialog over it |
| \`weak\` | a text picture, a one-time code, an approval: any widget beside it comes first |
| \`generic\` | calls itself a captcha, and is nothing that is known by name |

### Signs of success

| sign | true when |
|---|---|
| \`{"visible": css}\` | a match is visible |
| \`{"value": css, "no_answer": regex, "name": text}\` | a field has a value that is an answer; \`no_answer\` (up to 200 characters, optional) matches values that are none; \`name\` is the field's name in requests, where the selector does not say it |
| \`{"gone": true}\` | the challenge was seen and is no longer there |

The signs of a kind are alternatives. A kind without \`visible\` and \`value\` has no positive sign.

## The ${KNOWN_KINDS.length} kinds

${kindsTable()}

## Badges, solved boxes, and what works by itself

Kinds that are not listed here have no such state, or none that can be told from outside.

${statesTable()}

## A file of your own

\`CHALLENGE_KINDS_FILE\` names a JSON file with a list of up to 200 kinds. The server asks them before those of the table. A kind needs its name, and something to find it by: \`selectors\`, \`frame_urls\` or \`page_urls\`.

${fieldsTable()}

\`\`\`json
[
  {
    "kind": "shop-puzzle",
    "selectors": ["#puzzle-dialog .task", "#puzzle-dialog"],
    "frame_urls": ["puzzle.shop.example/ & step=task", "puzzle.shop.example/widget"],
    "not_when": { "selectors": ["#puzzle-dialog.passed"] },
    "working": { "selectors": ["#puzzle-dialog.checking"] },
    "done": [{ "visible": "#puzzle-dialog.passed" }, { "value": "input[name='puzzle-token']", "no_answer": "^pending" }],
    "closes": true
  }
]
\`\`\`

A file that has a wrong field stops the start with one line that names it. Only a browser knows whether a selector is one: a session that opens with a wrong selector fails with \`internal\`, and \`field\` in the answer and in the log names it, such as \`shop-puzzle.not_when.selectors.0\`.

## How a kind is added to the table

1. Write one entry in \`src/browser/challenge/kinds/\`, in the file of its role: walls, widgets of Chinese vendors, other widgets, weak signs. The order within the file is the order in which kinds are asked. Write down only what was seen in documentation or in several public pages, in your own words, and say where in \`source\`.
2. Prefer a sign of success over \`gone\`. If a value is there before anybody has acted, say which with \`no_answer\`, or leave it out. If the kind has a close button, say so.
3. Say what it looks like when nobody need act: \`not_when\` for badges, invisible forms and solved boxes that stay; \`working\` for spinners and proofs of work.
4. Make one page that imitates its structure in each of its states, with no code or pictures of the vendor.
5. Run \`npm run challenges\`, then the tests.

## Sources

${sourcesTable()}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(new URL("../docs/challenges.md", import.meta.url), challengesPage());
  console.log("Wrote docs/challenges.md.");
}
