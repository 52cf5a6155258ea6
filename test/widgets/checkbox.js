// The page around altcha: the widget fetches its challenge and works on it once the person has ticked the box.
import "altcha";

document.querySelector("altcha-widget").addEventListener("statechange", ({ detail }) => {
  if (detail.state !== "verified") return;
  void fetch("/checkbox/proof", { method: "POST", body: detail.payload });
});
