/** Alibaba Cloud Captcha 2.0: a popup, or embedded and staying. */
import { box, CLOSE, POPUP, pagesOfKind, SOLVE, WRONG } from "../page.ts";
import { popupWithSign, staysWithSign } from "../patterns.ts";

const BODY = `<div id="aliyunCaptcha-sliding-body" style="height:60px">${SOLVE}${WRONG}${CLOSE}</div>`;
const SIGN = `$("#aliyunCaptcha-sliding-body").className = "verified";`;
const popup = `<div id="aliyunCaptcha-mask"></div>${box('id="aliyunCaptcha-window-popup" class="aliyunCaptcha-show"', BODY, POPUP)}`;

export default pagesOfKind("aliyun-captcha2", {
  ...popupWithSign({ html: popup, root: "#aliyunCaptcha-window-popup", sign: SIGN }),
  stays: staysWithSign({ html: box('id="aliyunCaptcha-window-embed"', BODY), sign: SIGN }).shown,
});
