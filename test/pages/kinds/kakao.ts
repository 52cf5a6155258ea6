/** Kakao: a question in a frame of another site. */
import { POPUP, pagesOfKind } from "../page.ts";
import { framed } from "../patterns.ts";

export default pagesOfKind(
  "kakao",
  framed({
    src: "dkaptcha.kakao.com/dkaptcha/quiz/a1?lang=en",
    place: POPUP,
    html: `<div role="dialog">FRAME</div>`,
    root: "[role=dialog]",
  }),
);
