import console from "node:console";

const [url = "http://127.0.0.1:3001/jigsaw.html", api = "http://127.0.0.1:3000/api/captcha"] = process.argv.slice(2);
const LIVING = ["starting", "waiting", "active"];

async function call(path: string, init?: RequestInit) {
  const response = await fetch(`${api}${path}`, init);
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

const json = { "content-type": "application/json" };
const session = await call("/sessions", { method: "POST", headers: json, body: JSON.stringify({ url }) });
console.log(`Please clear it: ${session.control_url}`);

let status = session;
while (LIVING.includes(status.state)) status = await call(`/status/${session.session_id}?wait=50`);
console.log(await call(`/session/${session.session_id}/result`));
