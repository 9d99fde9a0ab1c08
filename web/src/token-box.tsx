// The box for the token, and in words whether the server takes it.
import { useEditorContext, useSchemaStore } from "@graphiql/react";
import { type FormEvent, useCallback, useEffect, useRef, useState } from "react";
import { type Standing, checkToken, keepToken, readToken } from "./session.js";

/** `refusals` counts the 401s seen so far: a token that was good is looked at again after one. */
export function TokenBox({ refusals }: { refusals: number }) {
  const [draft, setDraft] = useState(readToken);
  const [standing, setStanding] = useState<Standing>({ state: "checking", words: "…" });
  const introspect = useSchemaStore((schema) => schema.introspect);

  const look = useCallback(async () => {
    const token = readToken();
    const found = await checkToken();
    // An answer about a token that was replaced meanwhile says nothing.
    if (token === readToken()) setStanding(found);
    return found.state === "good";
  }, []);
  useEffect(() => void look(), [look]);
  useEffect(() => {
    if (refusals > 0 && standing.state === "good") void look();
    // Only a new refusal is a reason to look.
  }, [refusals]);

  useClearedError();

  const take = async () => {
    keepToken(draft);
    setDraft(readToken());
    setStanding({ state: "checking", words: "Asking the server…" });
    if (await look()) await introspect();
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void take();
  };

  return (
    <form className="token" onSubmit={submit}>
      <label htmlFor="token">Token</label>
      <input
        id="token"
        type="password"
        autoComplete="off"
        spellCheck={false}
        placeholder="Paste a token"
        aria-describedby="standing"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={() => draft !== readToken() && void take()}
      />
      <button type="submit">Use</button>
      <span id="standing" role="status" data-state={standing.state}>
        {standing.words}
      </span>
    </form>
  );
}

/** GraphiQL shows in the answer why the schema could not be read, and leaves it there when it could. */
function useClearedError() {
  const { responseEditor } = useEditorContext({ nonNull: true });
  const error = useSchemaStore((schema) => schema.fetchError);
  const schema = useSchemaStore((schema) => schema.schema);
  const shown = useRef("");
  useEffect(() => {
    if (error) shown.current = error;
    if (error || !schema || !responseEditor || !shown.current) return;
    if (responseEditor.getValue() === shown.current) responseEditor.setValue("");
    shown.current = "";
  }, [error, schema, responseEditor]);
}
