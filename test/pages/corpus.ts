/** All pages of the corpus: each file of kinds/ and traps/ exports its own. */
import { readdir } from "node:fs/promises";
import type { CorpusPage } from "./page.ts";

const FOLDERS = ["kinds", "traps"] as const;

/** The pages in the order of their files. */
export async function loadCorpus(): Promise<readonly CorpusPage[]> {
  const pages: CorpusPage[] = [];
  for (const folder of FOLDERS) {
    const files = (await readdir(new URL(`${folder}/`, import.meta.url))).filter((name) => name.endsWith(".ts")).sort();
    for (const file of files) {
      const module: { default: readonly CorpusPage[] } = await import(`./${folder}/${file}`);
      pages.push(...module.default);
    }
  }
  return pages;
}

/** The names of the kinds that have a file. */
export async function kindsOfCorpus(): Promise<readonly string[]> {
  return (await readdir(new URL("kinds/", import.meta.url))).map((name) => name.replace(/\.ts$/, ""));
}
