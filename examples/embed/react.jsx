/** A challenge in a React page (19 or later). The page loads https://captcha.example/api/captcha/element.js itself. */
import { useEffect, useState } from "react";

/** `link` is the session's control_url; `onEnded` is called once. */
export function Challenge({ link, theme, onEnded }) {
  return (
    <captcha-remote src={link} theme={theme} onended={onEnded}>
      <a href={link} target="_blank" rel="noreferrer">
        Open it in a tab of its own
      </a>
    </captcha-remote>
  );
}

export function Checkout() {
  const [link, setLink] = useState(null);
  const [outcome, setOutcome] = useState(null);

  // The site's own server creates the session with its key, and answers the link.
  useEffect(() => {
    const gone = new AbortController();
    fetch("/challenge", { method: "POST", signal: gone.signal })
      .then((answer) => answer.json())
      .then(
        ({ control_url }) => setLink(control_url),
        () => {},
      );
    return () => gone.abort();
  }, []);

  // The frame's word is no proof: the site's server asks for the result.
  const askForResult = async () => setOutcome((await (await fetch("/challenge/result")).json()).outcome);

  if (outcome !== null) return <p role="status">{outcome === "solved" ? "Thank you." : "That did not work."}</p>;
  return link === null ? (
    <p role="status">One moment…</p>
  ) : (
    <Challenge link={link} theme="dark" onEnded={askForResult} />
  );
}
