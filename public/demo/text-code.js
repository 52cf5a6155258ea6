// The text code: characters drawn crooked and wavy, to be typed.

import { element, makeCanvas, place } from "./dom.js";
import { TEXT_CODE } from "./layout.js";
import { seededRandom } from "./scenery.js";

/** @import { TextCodePicture } from "../../src/demo/puzzle-types.ts" */
/** @import { Face } from "./face.js" */

const { picture: PICTURE } = TEXT_CODE;
const FONT_PX = 46;
/** The picture is bent in strips this wide. */
const STRIP_PX = 1;

/** @type {Face<"text-code">} */
export const TEXT_CODE_FACE = {
  containerClass: "demo-captcha demo-captcha--text-code",
  layout: TEXT_CODE,
  mount(stage, submit) {
    const { canvas, context } = makeCanvas(PICTURE, "challenge-picture");
    const field = element("input", {
      class: "code-field",
      type: "text",
      maxlength: "12",
      placeholder: "Characters",
      autocomplete: "off",
      autocapitalize: "characters",
      spellcheck: "false",
      "aria-label": "Characters in the picture",
    });
    const verify = element("button", { class: "code-verify", type: "button" }, ["Verify"]);
    stage.append(place(canvas, PICTURE), place(field, TEXT_CODE.field), place(verify, TEXT_CODE.verify));
    let typing = false;
    let locked = true;

    function check() {
      if (locked || field.value.trim() === "") return;
      typing = document.activeElement === field;
      submit({ text: field.value });
    }
    verify.addEventListener("click", check);
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.isComposing) return;
      // The field stands inside the host page's form, which Enter must not submit.
      event.preventDefault();
      check();
    });

    return {
      show(picture) {
        drawCode(context, picture);
        field.value = "";
        if (typing) field.focus({ preventScroll: true });
        return ["Type the characters you see"];
      },
      setLocked(value) {
        locked = value;
        field.readOnly = value;
        verify.disabled = value;
      },
    };
  },
};

/**
 * @param {CanvasRenderingContext2D} context of the picture
 * @param {TextCodePicture} picture
 */
export function drawCode(context, { text, seed }) {
  const random = seededRandom(seed);
  const { width, height } = PICTURE;
  const hue = Math.floor(random() * 360);
  const paper = context.createLinearGradient(0, 0, width, height);
  paper.addColorStop(0, `hsl(${hue} 45% 94%)`);
  paper.addColorStop(1, `hsl(${(hue + 50) % 360} 45% 88%)`);
  context.fillStyle = paper;
  context.fillRect(0, 0, width, height);

  const flat = makeCanvas(PICTURE);
  drawLetters(flat.context, text, random, hue);
  drawNoise(flat.context, random, hue);
  const density = flat.canvas.width / width;
  const [phase, swell] = [random() * 6.28, 3.5 + random() * 1.5];
  for (let x = 0; x < width; x += STRIP_PX) {
    const rise = swell * Math.sin(x / 24 + phase);
    context.drawImage(flat.canvas, x * density, 0, STRIP_PX * density, flat.canvas.height, x, rise, STRIP_PX, height);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} text
 * @param {() => number} random
 * @param {number} hue
 */
function drawLetters(context, text, random, hue) {
  const { width, height } = PICTURE;
  const step = (width - 40) / text.length;
  context.textAlign = "center";
  context.textBaseline = "middle";
  [...text].forEach((letter, index) => {
    context.save();
    context.translate(20 + (index + 0.5) * step + random() * 6 - 3, height / 2 + random() * 12 - 6);
    context.rotate((random() - 0.5) * 0.6);
    context.transform(1, 0, (random() - 0.5) * 0.4, 0.95 + random() * 0.2, 0, 0);
    context.font = `${random() > 0.5 ? "700" : "400"} ${FONT_PX}px Georgia, "DejaVu Serif", "Liberation Serif", serif`;
    context.fillStyle = `hsl(${(hue + 180 + random() * 80) % 360} 55% 30%)`;
    context.fillText(letter, 0, 0);
    context.restore();
  });
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {() => number} random
 * @param {number} hue
 */
function drawNoise(context, random, hue) {
  const { width, height } = PICTURE;
  for (let line = 0; line < 4; line++) {
    context.beginPath();
    context.moveTo(0, random() * height);
    context.bezierCurveTo(width / 3, random() * height, width / 1.5, random() * height, width, random() * height);
    context.lineWidth = 1 + random();
    context.strokeStyle = `hsl(${(hue + 180 + random() * 80) % 360} 50% 40% / 0.55)`;
    context.stroke();
  }
  for (let dot = 0; dot < 90; dot++) {
    context.fillStyle = `hsl(${random() * 360} 50% 45% / 0.5)`;
    context.fillRect(random() * width, random() * height, 1.8, 1.8);
  }
}
