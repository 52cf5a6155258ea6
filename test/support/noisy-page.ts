/** A page whose picture takes many bytes, with a box that follows the pointer. */

export const NOISY_VIEWPORT = { width: 800, height: 500 };

/** px; of one colour each. */
const PATCH = 10;

export const NOISY_PAGE = `<!doctype html><style>
  html, body { margin: 0; overflow: hidden }
  #box { position: absolute; left: 0; top: 200px; width: 44px; height: 44px; background: #c30; border-radius: 8px }
  </style><canvas id="noise" width="${NOISY_VIEWPORT.width}" height="${NOISY_VIEWPORT.height}"></canvas><div id="box"></div><script>
  const context = document.querySelector("#noise").getContext("2d");
  let state = 7;
  const random = () => (state = (state * 16807) % 2147483647) / 2147483647;
  for (let x = 0; x < ${NOISY_VIEWPORT.width}; x += ${PATCH}) for (let y = 0; y < ${NOISY_VIEWPORT.height}; y += ${PATCH}) {
    context.fillStyle = "hsl(" + random() * 360 + " 60% " + (20 + random() * 60) + "%)";
    context.fillRect(x, y, ${PATCH}, ${PATCH});
  }
  const box = document.querySelector("#box");
  addEventListener("pointermove", (event) => { box.style.left = event.clientX + "px"; });
  </script>`;
