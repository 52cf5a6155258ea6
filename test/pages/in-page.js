/**
 * Runs in every document of the corpus, before its own scripts. It reports to the test's site what the page itself knows:
 * where its box and the elements to press are, what was pressed, and when the page succeeded. It changes nothing.
 */
(() => {
  const ROOT = document.currentScript.src.replace(/~page\.js$/, "");
  const TICK_MS = 100;
  /** Each tenth tick reports once more: a parent that was restored may have missed a report. */
  const REPEAT_TICKS = 10;
  const isTop = parent === window;
  /** Documents and shadow roots to look into, closed ones too where the page has revealed them. */
  const roots = [document];
  /** What each frame reported last, by its window. */
  const reports = new Map();
  const handled = new WeakSet();
  let last = "";
  let ticks = 0;

  const tell = (what, body = null) =>
    navigator.sendBeacon(`${ROOT}~tell?what=${encodeURIComponent(what)}&at=${Date.now()}`, JSON.stringify(body));

  const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)]);

  /** The content box of a frame's element, or the box of any other element, in this document's CSS px. */
  const rectOf = (element) => {
    const { left, top, width, height } = element.getBoundingClientRect();
    if (element.localName !== "iframe") return { x: left, y: top, width, height };
    const [scaleX, scaleY] = [width / element.offsetWidth, height / element.offsetHeight];
    return {
      x: left + element.clientLeft * scaleX,
      y: top + element.clientTop * scaleY,
      width: element.clientWidth * scaleX,
      height: element.clientHeight * scaleY,
    };
  };

  const isShown = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };

  const ownMarks = () =>
    all("[data-box], [data-act]")
      .filter(isShown)
      .map((element) => ({
        name: element.hasAttribute("data-box") ? "box" : element.dataset.act,
        order: Number(element.dataset.box || 0),
        text: element.dataset.text ?? null,
        hold: Number(element.dataset.hold ?? 0),
        frame: element.localName === "iframe" ? "is" : isTop ? "none" : "in",
        ...rectOf(element),
      }));

  const framesMarks = () =>
    all("iframe").flatMap((element) => {
      const report = reports.get(element.contentWindow);
      if (!report || !isShown(element)) return [];
      const box = rectOf(element);
      const [scaleX, scaleY] = [box.width / report.width, box.height / report.height];
      return report.marks.map((mark) => ({
        ...mark,
        frame: "in",
        x: box.x + mark.x * scaleX,
        y: box.y + mark.y * scaleY,
        width: mark.width * scaleX,
        height: mark.height * scaleY,
      }));
    });

  const report = () => {
    const marks = [...ownMarks(), ...framesMarks()];
    const text = JSON.stringify([marks, innerWidth, innerHeight]);
    ticks += 1;
    if (text === last && (isTop || ticks % REPEAT_TICKS !== 0)) return;
    last = text;
    if (isTop) tell("marks", marks);
    else parent.postMessage({ corpus: { marks, width: innerWidth, height: innerHeight } }, "*");
  };

  const listen = (root) =>
    root.addEventListener(
      "click",
      (event) => {
        const element = event.composedPath()[0].closest?.("[data-act]");
        if (!element || handled.has(event)) return;
        handled.add(event);
        tell(`acted:${element.dataset.act}`);
      },
      true,
    );

  listen(document);
  addEventListener("message", ({ data, source }) => {
    if (data?.corpus) reports.set(source, data.corpus);
  });
  // Not at "load": a frame that never loads would hold that up.
  addEventListener("DOMContentLoaded", () => {
    report();
    tell(isTop ? "loaded" : "frame loaded");
    if (isTop) tell("here");
  });
  addEventListener("pageshow", ({ persisted }) => {
    if (!persisted) return;
    last = "";
    report();
    tell("restored");
    if (isTop) tell("here");
  });
  setInterval(report, TICK_MS);

  Object.assign(window, {
    $: (selector) => all(selector)[0],
    after: (ms, run) => setTimeout(run, ms),
    tell,
    /** The page's own success: from here the verdict's time counts. */
    success: () => tell("success"),
    /** What followed an act that is no success is over. */
    settled: () => tell("settled"),
    /** Remembers something at the site: documents that are requested later may look at it. */
    flag: (name) =>
      fetch(`${ROOT}~flag?name=${encodeURIComponent(name)}`, { method: "POST", keepalive: true, mode: "no-cors" }),
    /** Makes a shadow root's marks known. */
    reveal: (root) => {
      roots.push(root);
      listen(root);
      return root;
    },
    /** Runs the handler when the element of this mark is pressed. */
    act: (name, handler, root = document) => {
      root.addEventListener("click", (event) => {
        const element = event.composedPath()[0].closest?.(`[data-act="${name}"]`);
        if (element) handler(element, event);
      });
    },
  });
})();
