// The page of the challenge: a handle to drag onto a mark. Where the mark is, and whether it was hit, the server says.

/** How far the handle can go, in CSS px. */
export const TRAVEL = 280;
/** The mark is so far away at least. */
export const GAP = { least: 90 } as const;
/** The handle's middle before it is moved, from the challenge's corner. */
export const HANDLE = { x: 40, y: 120 } as const;

/** The page for a challenge whose mark is `travel` CSS px away. It sends the answer to its own address. */
export function challengePage(travel: number): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Are you there?</title>
<style>
  body { margin: 40px; font: 16px system-ui, sans-serif; }
  #captcha { position: relative; width: 360px; height: 170px; border: 1px solid #889; background: #eef; user-select: none; }
  #captcha p { margin: 20px; }
  #mark, #handle { position: absolute; top: 100px; left: 20px; width: 40px; height: 40px; box-sizing: border-box; }
  #mark { margin-left: ${travel}px; border: 2px dashed #446; }
  #handle { background: #36c; touch-action: none; cursor: grab; }
</style>
<div id="captcha">
  <p>Drag the square onto the mark.</p>
  <div id="mark"></div>
  <div id="handle"></div>
</div>
<script>
  const handle = document.querySelector("#handle");
  let from = null;
  let travel = 0;
  handle.onpointerdown = (event) => {
    handle.setPointerCapture(event.pointerId);
    from = event.clientX;
  };
  handle.onpointermove = (event) => {
    if (from === null) return;
    travel = Math.min(${TRAVEL}, Math.max(0, event.clientX - from));
    handle.style.transform = "translateX(" + travel + "px)";
  };
  handle.onpointerup = async () => {
    from = null;
    const headers = { "content-type": "application/json" };
    const answer = await fetch("", { method: "POST", headers, body: JSON.stringify({ travel }) });
    if (!answer.ok) return location.reload();
    document.querySelector("#captcha").remove();
    document.title = "Thank you";
  };
</script>
</html>
`;
}
