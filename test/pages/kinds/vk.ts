/** VK: a frame of another site. */
import { POPUP, pagesOfKind } from "../page.ts";
import { framed } from "../patterns.ts";

export default pagesOfKind(
  "vk",
  framed({
    src: "id.vk.com/not_robot_captcha?domain=vk.com&session_token=1",
    place: { ...POPUP, y: 60, width: 400, height: 500 },
    html: `<div class="layer">FRAME</div>`,
    root: ".layer",
  }),
);
