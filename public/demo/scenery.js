// Draws the landscapes that serve as pictures. A seed always gives the same landscape.

/**
 * A repeatable source of numbers from 0 up to 1 (mulberry32).
 * @param {number} seed
 */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @typedef {{ sky: [string, string, string], disc: string, hills: [string, string, string], tree: string, trunk: string }} Palette */

/** @type {Palette[]} */
const PALETTES = [
  {
    sky: ["#5fb0e5", "#a9d8f0", "#f3efd9"],
    disc: "#fff3b8",
    hills: ["#8fb7a8", "#5f9a72", "#3d7a4c"],
    tree: "#2c5f3b",
    trunk: "#6b4a32",
  },
  {
    sky: ["#473a7a", "#c76a86", "#f8c58a"],
    disc: "#fff0c9",
    hills: ["#8a5f8f", "#5c4477", "#372a55"],
    tree: "#251d3f",
    trunk: "#1d1633",
  },
  {
    sky: ["#3b8ea5", "#8fd0c6", "#f7e6b5"],
    disc: "#fffbe6",
    hills: ["#d9a35f", "#c07a3e", "#8c4f2b"],
    tree: "#5e6b2f",
    trunk: "#543421",
  },
  {
    sky: ["#14284f", "#2f5585", "#87aecb"],
    disc: "#f4f1dc",
    hills: ["#5b7fa0", "#39597a", "#1f3a56"],
    tree: "#122a41",
    trunk: "#0d2032",
  },
];

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} width
 * @param {number} height
 * @param {number} seed
 */
export function drawScenery(context, width, height, seed) {
  const random = seededRandom(seed);
  const palette = /** @type {Palette} */ (PALETTES[Math.floor(random() * PALETTES.length)]);
  const sky = context.createLinearGradient(0, 0, 0, height * 0.75);
  palette.sky.forEach((colour, index) => {
    sky.addColorStop(index / 2, colour);
  });
  context.fillStyle = sky;
  context.fillRect(0, 0, width, height);

  drawDisc(context, palette.disc, width * (0.15 + random() * 0.7), height * (0.16 + random() * 0.14), height * 0.1);
  for (let count = 0; count < 4; count++) {
    drawCloud(context, random() * width, height * (0.08 + random() * 0.28), height * (0.05 + random() * 0.05));
  }
  palette.hills.forEach((colour, layer) => {
    const ground = hillLine(random, width, height * (0.5 + layer * 0.16), height * (0.12 - layer * 0.025));
    fillBelow(context, colour, ground, width, height);
    const trees = layer * 5;
    for (let count = 0; count < trees; count++) {
      const x = ((count + random()) / trees) * width;
      drawTree(context, palette, x, ground(x) + 3, height * (0.07 + layer * 0.035 + random() * 0.03));
    }
  });
}

/**
 * @param {() => number} random
 * @param {number} width
 * @param {number} level
 * @param {number} swell
 * @returns {(x: number) => number}
 */
function hillLine(random, width, level, swell) {
  const [first, second] = [random() * 6.28, random() * 6.28];
  const [slow, fast] = [3 + random() * 3, 8 + random() * 6];
  return (x) =>
    level + swell * Math.sin((x / width) * slow + first) + swell * 0.35 * Math.sin((x / width) * fast + second);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} colour
 * @param {(x: number) => number} line
 * @param {number} width
 * @param {number} height
 */
function fillBelow(context, colour, line, width, height) {
  context.beginPath();
  context.moveTo(0, height);
  for (let x = 0; x <= width; x += 3) context.lineTo(x, line(x));
  context.lineTo(width, line(width));
  context.lineTo(width, height);
  context.fillStyle = colour;
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} colour
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
function drawDisc(context, colour, x, y, radius) {
  const glow = context.createRadialGradient(x, y, radius * 0.5, x, y, radius * 3);
  glow.addColorStop(0, "rgb(255 255 240 / 0.55)");
  glow.addColorStop(1, "rgb(255 255 240 / 0)");
  context.fillStyle = glow;
  context.fillRect(x - radius * 3, y - radius * 3, radius * 6, radius * 6);
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} size
 */
export function drawCloud(context, x, y, size) {
  context.fillStyle = "rgb(255 255 255 / 0.62)";
  context.beginPath();
  context.arc(x, y, size, 0, 2 * Math.PI);
  context.arc(x + size * 1.2, y - size * 0.45, size * 1.2, 0, 2 * Math.PI);
  context.arc(x + size * 2.5, y, size, 0, 2 * Math.PI);
  context.rect(x, y, size * 2.5, size);
  context.fill();
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {{ tree: string, trunk: string }} palette
 * @param {number} x
 * @param {number} foot
 * @param {number} size
 */
function drawTree(context, palette, x, foot, size) {
  context.fillStyle = palette.trunk;
  context.fillRect(x - size * 0.08, foot - size * 0.4, size * 0.16, size * 0.4);
  context.fillStyle = palette.tree;
  for (const [level, spread] of /** @type {const} */ ([
    [0.25, 0.42],
    [0.6, 0.32],
    [0.95, 0.22],
  ])) {
    context.beginPath();
    context.moveTo(x - size * spread, foot - size * level);
    context.lineTo(x, foot - size * (level + 0.6));
    context.lineTo(x + size * spread, foot - size * level);
    context.fill();
  }
}
