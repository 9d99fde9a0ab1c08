// Creates a token, and then shows it, this once.
import { useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { TextField } from "../../parts/field";
import { SecretOnce } from "../../parts/secret";
import { ErrorSummary } from "../../parts/states";
import { instantOf } from "../../parts/zone";
import { type Role, useViewer } from "../../session/viewer";
import { textFor, useTexts } from "../../texts";
import { CreateToken } from "./operations";
import { ROLES } from "./page";
import "./tokens.css";

export function CreateDialog({ close, changed }: { close: () => void; changed: () => unknown }) {
  const { tokens, common, parts } = useTexts();
  const { club } = useViewer();
  const create = useMutationWithErrors(CreateToken);
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("DESK");
  const [day, setDay] = useState("");
  const [secret, setSecret] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    const expiresAt = day ? instantOf(day, club.timeZone) : null;
    const payload = await create.run({ input: { name, role, expiresAt } });
    if (!payload?.token) return;
    setSecret(payload.token);
    changed();
  };
  if (secret) {
    return (
      <Dialog isOpen title={tokens.form.created} onClose={close} actions={<Button variant="primary" onClick={close}>{parts.done}</Button>}>
        <p>{tokens.form.createdDetail(name)}</p>
        <SecretOnce label={tokens.form.secret} secret={secret} />
      </Dialog>
    );
  }
  return (
    <Dialog isOpen title={tokens.create} onClose={close}>
      <form class="stack" onSubmit={(event) => void submit(event)} noValidate>
        <TextField label={tokens.name} hint={tokens.form.nameHint} required autoComplete="off" value={name} onValue={setName} error={create.fieldError("name")} />
        <Roles role={role} setRole={setRole} />
        <TextField label={tokens.form.expires} hint={tokens.form.expiresHint} type="date" value={day} onValue={setDay} error={create.fieldError("expiresAt")} />
        <ErrorSummary of={create} />
        <div class="dialog-foot">
          <Button onClick={close}>{common.cancel}</Button>
          <Button type="submit" variant="primary" isBusy={create.isBusy}>
            {tokens.form.submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function Roles({ role, setRole }: { role: Role; setRole: (role: Role) => void }) {
  const { tokens, shell } = useTexts();
  return (
    <fieldset class="role-choices">
      <legend>{tokens.form.role}</legend>
      {ROLES.map((one) => (
        <div key={one} class="check">
          <input id={`role-${one}`} type="radio" name="role" checked={one === role} aria-describedby={`role-${one}-hint`} onChange={() => setRole(one)} />
          <div>
            <label htmlFor={`role-${one}`}>{textFor(shell.roles, one)}</label>
            <p class="quiet small" id={`role-${one}-hint`}>
              {textFor(tokens.may, one)}
            </p>
          </div>
        </div>
      ))}
    </fieldset>
  );
}
