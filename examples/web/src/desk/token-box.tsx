// Asks for the desk's token. A READER token is enough; it stays in this tab.
import { useRef } from "preact/hooks";
import { Fault } from "../shared/parts";

export function TokenBox({ take, ended }: { take: (token: string) => void; ended: boolean }) {
  const token = useRef<HTMLInputElement>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const pasted = token.current?.value.trim();
    if (pasted) take(pasted);
  };
  return (
    <main class="narrow">
      <h1>Front desk</h1>
      {ended && <Fault>The server refuses this token. It is mistyped, was revoked or has expired.</Fault>}
      <form class="card" onSubmit={submit}>
        <label htmlFor="token">Token</label>
        <input id="token" ref={token} type="password" autoComplete="off" spellcheck={false} required />
        <button type="submit" class="primary">
          Use it
        </button>
      </form>
      <p class="quiet">
        A token with the role READER is enough. It is kept until this tab is closed. <a href="/">To my doors</a>
      </p>
    </main>
  );
}
