// The question before a token is revoked.
import { useMutationWithErrors } from "../../api/use-mutation";
import { Confirm } from "../../parts/dialog";
import { ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { RevokeToken } from "./operations";
import type { Token } from "./page";

interface Props {
  token: Token;
  isLastAdmin: boolean;
  close: () => void;
  changed: () => unknown;
}

export function RevokeDialog({ token: { name, role }, isLastAdmin, close, changed }: Props) {
  const { tokens } = useTexts();
  const viewer = useViewer();
  const toast = useToast();
  const revoke = useMutationWithErrors(RevokeToken);
  const confirm = async () => {
    if (!(await revoke.run({ name }))) return;
    toast(tokens.revoked(name));
    changed();
    close();
  };
  return (
    <Confirm isOpen title={tokens.revokeTitle(name)} confirm={tokens.revoke} isDanger isBusy={revoke.isBusy} onConfirm={confirm} onCancel={close}>
      <p>{tokens.revokeText}</p>
      {(role === "ADMIN" || role === "APP") && <p>{tokens.revokeMembers}</p>}
      {viewer.name === name && <Notice tone="warn" title={tokens.revokeOwn} />}
      {isLastAdmin && <Notice tone="bad" title={tokens.revokeLast} />}
      <ErrorSummary of={revoke} />
    </Confirm>
  );
}
