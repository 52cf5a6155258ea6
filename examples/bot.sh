#!/bin/sh
set -eu
url=${1:-http://127.0.0.1:3001/jigsaw.html}
api=${2:-http://127.0.0.1:3000/api/captcha}
auth="authorization: Bearer ${CAPTCHA_REMOTE_KEY:-none}"
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }

session=$(curl -sSf "$api/sessions" -H "$auth" -H 'content-type: application/json' -d "{\"url\":\"$url\"}")
id=$(echo "$session" | field session_id)
echo "Please clear it: $(echo "$session" | field control_url)"

state=waiting
while [ "$state" = starting ] || [ "$state" = waiting ] || [ "$state" = active ]; do
  state=$(curl -sSf "$api/status/$id?wait=50" -H "$auth" | field state)
done
curl -sSf -w '\n' "$api/session/$id/result" -H "$auth"
