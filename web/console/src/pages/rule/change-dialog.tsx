// Deletes, enables or disables a rule, after its effect was shown.
import type { ComponentChildren } from "preact";
import { type MutationState, useMutationWithErrors } from "../../api/use-mutation";
import type { RuleChangeInput } from "../../gql/graphql";
import { Confirm } from "../../parts/dialog";
import { ErrorSummary, Notice } from "../../parts/states";
import { useToast } from "../../parts/toast";
import { navigate } from "../../router/router";
import { useTexts } from "../../texts";
import { DeleteRule, UpdateRule } from "./changes";
import { type Rule, draftOf, inputOf } from "./draft";
import { fieldErrors } from "./errors";
import { PreviewPanel } from "./preview-panel";
import { usePreview } from "./use-preview";

interface DialogProps {
  rule: Rule;
  onClose: () => void;
}

export function DeleteDialog({ rule, onClose }: DialogProps) {
  const { rule: texts } = useTexts();
  const toast = useToast();
  const mutation = useMutationWithErrors(DeleteRule);
  const remove = async (basedOn: string) => {
    if (!(await mutation.run({ rule: rule.id, basedOn }))) return false;
    toast(texts.deleted(rule.name));
    navigate("/rules");
    return true;
  };
  return (
    <ChangeDialog title={texts.deleteTitle(rule.name)} confirm={texts.delete} change={{ delete: rule.id }} mutation={mutation} onConfirm={remove} onClose={onClose} />
  );
}

export function EnableDialog({ rule, onClose, onVersion }: DialogProps & { onVersion: (version: number) => void }) {
  const { rule: texts } = useTexts();
  const toast = useToast();
  const mutation = useMutationWithErrors(UpdateRule);
  const input = inputOf({ ...draftOf(rule), enabled: !rule.enabled });
  const title = rule.enabled ? texts.disableTitle(rule.name) : texts.enableTitle(rule.name);
  const set = async (basedOn: string) => {
    onVersion(rule.version + 1);
    const payload = await mutation.run({ rule: rule.id, input, basedOn });
    if (!payload) return false;
    toast(texts.saved(rule.name));
    onClose();
    return true;
  };
  return (
    <ChangeDialog
      title={title}
      confirm={rule.enabled ? texts.disable : texts.enable}
      change={{ update: { rule: rule.id, input } }}
      isDanger={rule.enabled}
      mutation={mutation}
      onConfirm={set}
      onClose={onClose}
    />
  );
}

interface ChangeProps {
  title: string;
  confirm: string;
  change: RuleChangeInput;
  isDanger?: boolean;
  mutation: Pick<MutationState<unknown, unknown>, "userErrors" | "failure" | "isBusy">;
  onConfirm: (basedOn: string) => Promise<boolean>;
  onClose: () => void;
  children?: ComponentChildren;
}

function ChangeDialog({ title, confirm, change, isDanger = true, mutation, onConfirm, onClose }: ChangeProps) {
  const { rule: texts } = useTexts();
  const state = usePreview(change);
  const errors = fieldErrors(state.userErrors, texts.mistakes);
  const isStale = mutation.userErrors.some(({ code }) => code === "STALE");
  const go = async () => {
    if (state.preview && !(await onConfirm(state.preview.basedOn))) await state.ask();
  };
  return (
    <Confirm isOpen title={title} confirm={confirm} isDanger={isDanger} isBusy={mutation.isBusy || !state.preview} onConfirm={go} onCancel={onClose}>
      <PreviewPanel state={state} errors={errors} isChart={false} />
      {isStale ? <Notice tone="warn" role="alert" title={texts.effectChanged} /> : <ErrorSummary of={mutation} />}
    </Confirm>
  );
}
