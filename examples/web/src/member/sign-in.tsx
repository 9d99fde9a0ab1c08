// Signing in: the place of your own log-in. The example's server side opens a session for an e-mail; one that was made
// elsewhere can be pasted.
import { useRef, useState } from "preact/hooks";
import { Fault } from "../shared/parts";

async function openSession(email: string): Promise<string> {
  const response = await fetch("/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email }),
  });
  const { session, message } = (await response.json()) as { session?: string; message?: string };
  if (!session) throw new Error(message ?? "No session was opened.");
  return session;
}

export function SignIn({ take, ended }: { take: (token: string) => void; ended: boolean }) {
  const [fault, setFault] = useState(ended ? "Your session has ended. Please sign in again." : "");
  const email = useRef<HTMLInputElement>(null);
  const session = useRef<HTMLInputElement>(null);

  const signIn = async (event: Event) => {
    event.preventDefault();
    const pasted = session.current?.value.trim();
    if (pasted) return take(pasted);
    try {
      take(await openSession(email.current?.value.trim() ?? ""));
    } catch (error) {
      setFault(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <main class="narrow">
      <h1>My doors</h1>
      {fault && <Fault>{fault}</Fault>}
      <form class="card" onSubmit={(event) => void signIn(event)}>
        <label htmlFor="email">Your e-mail</label>
        <input id="email" ref={email} type="email" autoComplete="email" placeholder="eva@example.com" />
        <details>
          <summary>I have a member session</summary>
          <label htmlFor="session">Member session</label>
          <input id="session" ref={session} type="password" autoComplete="off" spellcheck={false} />
        </details>
        <button type="submit" class="primary">
          Sign in
        </button>
      </form>
      <p class="quiet">
        This stands for your own log-in: the example believes the e-mail. <a href="/desk.html">To the front desk</a>
      </p>
    </main>
  );
}
