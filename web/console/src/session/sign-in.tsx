// Where nobody is signed in: the company's sign-in, if there is one, and the token.
import { useEffect, useRef, useState } from "preact/hooks";
import { Languages } from "../app/languages";
import icon from "../icon.svg";
import { Button } from "../parts/button";
import { Card } from "../parts/card";
import { TextField } from "../parts/field";
import { Notice } from "../parts/states";
import { type Texts, useTexts } from "../texts";
import { type SessionOffer, type TokenCheck, checkToken } from "./offer";
import { rememberPage } from "./session";

interface Props {
  offer: SessionOffer | null;
  notice?: "token" | "session" | "signOutFailed";
  take: (token: string) => void;
}

/** Why the sign-in with the identity provider failed, as the server says in the address. */
function useProblem(): keyof Texts["signIn"]["problems"] | undefined {
  const { signIn } = useTexts();
  const [code] = useState(() => new URLSearchParams(location.search).get("problem"));
  useEffect(() => {
    // It is said once: a reload would repeat it.
    if (code) history.replaceState(history.state, "", location.pathname);
  }, [code]);
  return Object.keys(signIn.problems).find((known): known is keyof typeof signIn.problems => known === code);
}

export function SignIn({ offer, notice, take }: Props) {
  const { signIn } = useTexts();
  const problem = useProblem();
  useEffect(() => {
    document.title = `${signIn.title} · Latchkey`;
  }, [signIn]);
  return (
    <main class="sign-in">
      <div class="row apart">
        <span class="brand">
          <img src={icon} alt="" />
          <span>Latchkey</span>
        </span>
        <Languages />
      </div>
      <div>
        <h1>{signIn.title}</h1>
        <p class="quiet">{signIn.lead}</p>
      </div>
      {notice && (
        <Notice tone="warn" role="alert">
          {notice === "signOutFailed" ? signIn.signOutFailed : signIn.ended[notice]}
        </Notice>
      )}
      {problem && (
        <Notice tone="warn" role="alert">
          {signIn.problems[problem]}
        </Notice>
      )}
      {offer && (
        <>
          <a class="button primary" href={offer.signIn} onClick={rememberPage}>
            {signIn.with(offer.name)}
          </a>
          <p class="or">{signIn.or}</p>
        </>
      )}
      <TokenForm take={take} />
    </main>
  );
}

function TokenForm({ take }: { take: (token: string) => void }) {
  const { signIn } = useTexts();
  const [token, setToken] = useState("");
  const [problem, setProblem] = useState<Exclude<TokenCheck, "good"> | "required">();
  const [isBusy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    // It may come with what stood before it, such as “token:” in the output of the command line.
    const pasted = /lk_\w+/.exec(token)?.[0] ?? token.trim();
    setBusy(true);
    const result = pasted ? await checkToken(pasted) : "required";
    setBusy(false);
    if (result === "good") return take(pasted);
    setProblem(result);
    form.current?.querySelector("input")?.focus();
  };
  return (
    <Card>
      <form ref={form} onSubmit={(event) => void submit(event)} noValidate>
        <TextField
          label={signIn.token}
          hint={signIn.tokenHint}
          error={problem && signIn[problem]}
          type="password"
          autoComplete="off"
          spellcheck={false}
          required
          value={token}
          onValue={setToken}
        />
        <Button type="submit" variant="primary" isBusy={isBusy}>
          {signIn.submit}
        </Button>
      </form>
    </Card>
  );
}
