// The page around rc-slider-captcha: pictures from the test's server, which also says whether a drop was right.
import SliderCaptcha from "rc-slider-captcha";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

const { size, piece } = JSON.parse(document.body.dataset.layout);

async function onVerify({ x }) {
  const { right } = await (await fetch("/slider/drop", { method: "POST", body: JSON.stringify({ x }) })).json();
  if (!right) throw new Error("not there");
  parent.postMessage("verified", "*");
}

createRoot(document.querySelector("#widget")).render(
  createElement(SliderCaptcha, {
    bgSize: size,
    puzzleSize: { width: piece },
    request: async () => (await fetch("/slider/pictures")).json(),
    onVerify,
  }),
);
