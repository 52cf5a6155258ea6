// The page asks for files: the person chooses, drops or takes a photo, and they go to the page as soon as they are uploaded.

import { element, setText, setVisible } from "../shared/dom.js";
import { codeWords, t } from "../shared/i18n.js";
import { uploadFile } from "./file-upload.js";

/** @import { ClientMessage, ServerMessageOf } from "../../../src/protocol/live.ts" */
/** @typedef {ServerMessageOf<"ask_files">} Question */

/** Media types that have a word of their own. */
const KIND_WORDS = /** @type {const} */ ({
  "image/*": "files_images",
  "video/*": "files_videos",
  "audio/*": "files_sounds",
  "application/pdf": "files_pdf",
});
const MEGABYTE = 1_048_576;

/**
 * @typedef {object} FileChooserPort
 * @property {(message: ClientMessage) => boolean} send
 * @property {(sentence: () => string) => void} log
 * @property {import("../../../src/client/console-url.ts").ConsoleUrl} consoleUrl
 */

export class FileChooser {
  #port;
  /** @type {Question | null} */
  #question = null;
  #uploads = new AbortController();
  /** How many uploads are under way, and the ids of those that are done. */
  #underWay = 0;
  /** @type {string[]} */
  #done = [];
  #view = newView();

  /** @param {FileChooserPort} port */
  constructor(port) {
    this.#port = port;
    const { dialog, choose, photo, cancel, give } = this.#view;
    for (const input of [choose, photo]) {
      input.addEventListener("change", () => {
        this.#take([...(input.files ?? [])]);
        // The same file may be chosen once more after a failure.
        input.value = "";
      });
    }
    cancel.addEventListener("click", () => this.#answer([]));
    give.addEventListener("click", () => this.#answer(this.#done));
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.#answer([]);
    });
    dialog.addEventListener("dragover", (event) => {
      event.preventDefault();
      dialog.classList.add("is-target");
    });
    dialog.addEventListener("dragleave", () => dialog.classList.remove("is-target"));
    dialog.addEventListener("drop", (event) => {
      event.preventDefault();
      dialog.classList.remove("is-target");
      this.#take([...(event.dataTransfer?.files ?? [])]);
    });
  }

  /** Asks the person. A question that is shown already, as after a lost connection, stays. @param {Question} question */
  ask(question) {
    if (this.#question?.question_id === question.question_id) return;
    this.close();
    this.#question = question;
    const { dialog, list, trouble, choose, photo } = this.#view;
    list.replaceChildren();
    setVisible(trouble, false);
    choose.multiple = question.multiple;
    choose.accept = question.accept;
    photo.accept = "image/*";
    setVisible(this.#view.photoLabel, takesImages(question.accept));
    this.translate();
    this.#render();
    if (!dialog.isConnected) document.body.append(dialog);
    dialog.showModal();
  }

  /** Nothing waits for the answer any more. @param {string} questionId */
  withdrawn(questionId) {
    if (this.#question?.question_id === questionId) this.close();
  }

  /** Without an answer: another person is asked, or nobody. */
  close() {
    this.#question = null;
    this.#uploads.abort();
    this.#uploads = new AbortController();
    this.#underWay = 0;
    this.#done = [];
    if (this.#view.dialog.open) this.#view.dialog.close();
  }

  translate() {
    const { title, text, chooseText, photoText, hint, cancel, give } = this.#view;
    const { multiple = false, accept = "", max_bytes = 0 } = this.#question ?? {};
    setText(title, t(multiple ? "files_title_many" : "files_title"));
    const size = Math.floor(max_bytes / MEGABYTE);
    const kinds = wordsOf(accept);
    setText(text, kinds === "" ? t("files_any", { mb: size }) : t("files_kinds", { kinds, mb: size }));
    setText(chooseText, t(multiple ? "files_choose_many" : "files_choose"));
    setText(photoText, t("files_photo"));
    setText(hint, t("files_drop"));
    setText(cancel, t("files_cancel"));
    setText(give, t("files_give"));
  }

  /** @param {File[]} files */
  #take(files) {
    const question = this.#question;
    if (!question || files.length === 0) return;
    setVisible(this.#view.trouble, false);
    if (!question.multiple) {
      // One field, one file: the last choice counts.
      this.#uploads.abort();
      this.#uploads = new AbortController();
      this.#underWay = 0;
      this.#done = [];
      this.#view.list.replaceChildren();
    }
    for (const file of question.multiple ? files : files.slice(0, 1)) void this.#upload(question, file);
  }

  /** @param {Question} question @param {File} file */
  async #upload(question, file) {
    const { signal } = this.#uploads;
    const { item, bar } = newItem(file.name);
    this.#view.list.append(item);
    if (file.size > question.max_bytes) {
      this.#failed(item, t("files_too_large", { name: file.name, mb: Math.floor(question.max_bytes / MEGABYTE) }));
      return;
    }
    this.#underWay += 1;
    this.#render();
    const { consoleUrl } = this.#port;
    const answer = await uploadFile({ consoleUrl, chooser: question.question_id, file, signal }, (part) => {
      bar.value = part;
    });
    if (signal.aborted) return;
    this.#underWay -= 1;
    if ("fileId" in answer) this.#done.push(answer.fileId);
    else this.#failed(item, t("files_failed", { name: file.name, why: codeWords(answer.code, answer.message) }));
    this.#render();
    const isAllThere = this.#underWay === 0 && this.#view.trouble.hidden;
    if (isAllThere) this.#answer(this.#done);
  }

  /** @param {HTMLElement} item @param {string} sentence */
  #failed(item, sentence) {
    item.remove();
    setText(this.#view.trouble, sentence);
    setVisible(this.#view.trouble, true);
    this.#render();
  }

  /** @param {string[]} files */
  #answer(files) {
    const question = this.#question;
    if (!question) return;
    const sent = this.#port.send({ type: "answer_files", question_id: question.question_id, files });
    this.close();
    if (sent) this.#port.log(() => (files.length === 0 ? t("log_files_none") : t("log_files", { n: files.length })));
  }

  /** What is there can be given although another one has failed. */
  #render() {
    const { give } = this.#view;
    give.disabled = this.#underWay > 0 || this.#done.length === 0;
  }
}

function newView() {
  const dialog = element("dialog", "dialog file-dialog");
  dialog.id = "file-dialog";
  const title = element("h2");
  title.id = "file-title";
  dialog.setAttribute("aria-labelledby", title.id);
  const text = element("p");
  const trouble = element("p", "key-trouble");
  trouble.setAttribute("role", "alert");
  const list = element("ul", "file-list");
  const [choose, chooseText, chooseLabel] = newPicker("file-choose", "button primary");
  const [photo, photoText, photoLabel] = newPicker("file-photo", "button quiet file-photo");
  photo.setAttribute("capture", "environment");
  const pickers = element("div", "file-pickers");
  pickers.append(chooseLabel, photoLabel);
  const hint = element("p", "file-hint");
  const buttons = element("div", "dialog-buttons");
  const [cancel, give] = [element("button", "quiet"), element("button", "primary good")];
  cancel.type = "button";
  give.type = "button";
  cancel.id = "file-cancel";
  give.id = "file-give";
  buttons.append(cancel, give);
  dialog.append(title, text, pickers, hint, list, trouble, buttons);
  return { dialog, title, text, trouble, list, choose, chooseText, photo, photoText, photoLabel, hint, cancel, give };
}

/**
 * A file field that looks like a button; the field itself keeps the focus and the keys.
 * @param {string} id @param {string} className
 * @returns {[HTMLInputElement, HTMLElement, HTMLElement]} the field, its text, and both in their label
 */
function newPicker(id, className) {
  const label = element("label", `file-picker ${className}`);
  const input = element("input", "sr-only");
  input.type = "file";
  input.id = id;
  const text = element("span");
  label.append(input, text);
  return [input, text, label];
}

/** @param {string} name */
function newItem(name) {
  const item = element("li");
  const bar = element("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", name);
  item.append(element("span", "", name), bar);
  return { item, bar };
}

/** @param {string} accept */
function partsOf(accept) {
  return accept
    .toLowerCase()
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** @param {string} accept */
function takesImages(accept) {
  const parts = partsOf(accept);
  return parts.length === 0 || parts.some((part) => /^(image\/|\.(jpe?g|png|heic)$)/.test(part));
}

/** @param {string} accept */
function wordsOf(accept) {
  return partsOf(accept)
    .map((part) => (isKind(part) ? t(KIND_WORDS[part]) : part))
    .join(t("files_comma"));
}

/** @param {string} part @returns {part is keyof typeof KIND_WORDS} */
function isKind(part) {
  return Object.hasOwn(KIND_WORDS, part);
}
