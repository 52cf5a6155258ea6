import console from "node:console";

const [url = "http://127.0.0.1:3001/jigsaw.html", api = "http://127.0.0.1:3000/api/captcha"] = process.argv.slice(2);
const { CAPTCHA_REMOTE_KEY: key } = process.env;
const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
const LIVING = ["starting", "waiting", "active"];

async function call(path: string, body?: object) {
  const request = body ? { method: "POST", body: JSON.stringify(body) } : {};
  const response = await fetch(`${api}${path}`, { headers, ...request });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

const session = await call("/sessions", { url });
console.log(`Please clear it: ${session.control_url}`);

let status = session;
while (LIVING.includes(status.state)) status = await call(`/status/${session.session_id}?wait=50`);
console.log(await call(`/session/${session.session_id}/result`));
