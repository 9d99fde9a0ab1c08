// The form of a rule beside its effect.
import { useEffect, useRef } from "preact/hooks";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { Confirm } from "../../parts/dialog";
import { CheckField, TextField } from "../../parts/field";
import { ErrorBox, Notice } from "../../parts/states";
import { useTexts } from "../../texts";
import { BackTest } from "./back-test";
import { Conditions } from "./conditions";
import type { Draft, Rule } from "./draft";
import { NO_ERRORS } from "./errors";
import { LeaveGuard } from "./guard";
import { PreviewPanel, summary } from "./preview-panel";
import { InWords } from "./reading";
import { Stale } from "./stale";
import { TargetField } from "./target-field";
import { type EditorState, useEditor } from "./use-editor";
import { lossCount, nameOfRemoved } from "./use-preview";

interface Props {
  /** The latest version; null for a new rule. */
  rule: Rule | null;
  initial: Draft;
  /** Told after each render, for the buttons of the page's head. */
  onState?: (state: EditorState) => void;
}

export function Editor({ rule, initial, onState }: Props) {
  const editor = useEditor(rule, initial);
  const form = useRef<HTMLFormElement>(null);
  const { ruleEffect } = useTexts();
  useEffect(() => onState?.(editor));
  useEffect(() => {
    if (editor.isAttempted && editor.errors.all.length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [editor.isAttempted, editor.isSaving]);
  const { draft, isDirty, preview } = editor;
  const isIdle = rule !== null && !isDirty;
  return (
    <div class="editor">
      <LeaveGuard isActive={isDirty && !editor.isSaving} />
      <div class="stack">
        {rule && editor.isStale && <Stale rule={rule} editor={editor} />}
        <InWords draft={draft} />
        <form ref={form} class="stack" noValidate onSubmit={(event) => (event.preventDefault(), void editor.save())}>
          <Form editor={editor} />
          <Problems editor={editor} />
          <SaveBar editor={editor} isNew={!rule} />
        </form>
      </div>
      <div class="stack editor-side">
        <Card title={rule ? ruleEffect.title : ruleEffect.effectOfNew}>
          {isIdle ? <p class="quiet">{ruleEffect.unchanged}</p> : <PreviewPanel state={preview} errors={editor.errors} target={draft.target?.id} rule={rule?.id} />}
        </Card>
        <BackTest rule={rule} draft={draft} isPossible={!isIdle && editor.errors.all.length === 0 && preview.preview !== undefined} />
      </div>
      <TakeAccess editor={editor} />
    </div>
  );
}

function Form({ editor: { draft, edit, errors, isAttempted } }: { editor: EditorState }) {
  const { rule: texts } = useTexts();
  const { at } = isAttempted ? errors : NO_ERRORS;
  return (
    <>
      <Card title={texts.form}>
        <TextField label={texts.name} hint={texts.nameHint} error={at("name")} required maxLength={200} value={draft.name} onValue={(name) => edit({ name })} />
        <TargetField target={draft.target} error={at("target")} onTarget={(target) => edit({ target })} />
        <CheckField label={texts.enabled} hint={texts.enabledHint} isChecked={draft.enabled} onChecked={(enabled) => edit({ enabled })} />
      </Card>
      <Conditions conditions={draft.conditions} onConditions={(conditions) => edit({ conditions })} error={at} />
    </>
  );
}

/** Why it is not saved; above the bar, which would cover the form with it. */
function Problems({ editor: { errors, isAttempted, failure, isEffectChanged } }: { editor: EditorState }) {
  const { rule: texts, common } = useTexts();
  return (
    <>
      {failure && <ErrorBox failure={failure} />}
      {isEffectChanged && <Notice tone="warn" role="alert" title={texts.effectChanged} />}
      {isAttempted && errors.all.length > 0 && (
        <Notice tone="bad" title={common.correct(errors.all.length)} role="alert">
          <ul class="bullets">
            {errors.all.map((message) => (
              <li key={message}>{message}</li>
            ))}
          </ul>
        </Notice>
      )}
    </>
  );
}

function SaveBar({ editor, isNew }: { editor: EditorState; isNew: boolean }) {
  const { rule: texts, ruleEffect } = useTexts();
  const { isDirty, isSaving, preview } = editor;
  const effect = preview.isCurrent && preview.preview;
  return (
    <div class="save-bar">
      <div class="row apart">
        <p class="quiet small">
          {isDirty || isNew ? (effect ? summary(effect, ruleEffect) : isNew ? "" : texts.unsaved) : texts.noChanges}
        </p>
        <div class="row">
          {isDirty && <Button onClick={editor.discard}>{texts.discard}</Button>}
          <Button type="submit" variant="primary" isBusy={isSaving} disabled={(!isNew && !isDirty) || editor.isStale}>
            {isNew ? texts.create : texts.save}
          </Button>
        </div>
      </div>
    </div>
  );
}

const MOST_NAMES = 12;

function TakeAccess({ editor: { losers, confirm, cancel, isSaving } }: { editor: EditorState }) {
  const { rule: texts, ruleEffect, common } = useTexts();
  const names = losers ? [...losers.losses.nodes.map(({ member }) => member.name), ...losers.removed.nodes.map(nameOfRemoved)] : [];
  const count = losers ? lossCount(losers) : 0;
  const more = count - MOST_NAMES;
  return (
    <Confirm
      isOpen={losers !== null}
      title={texts.losersTitle(common.people(count))}
      confirm={texts.save}
      isDanger
      isBusy={isSaving}
      onConfirm={confirm}
      onCancel={cancel}
    >
      <p>
        {names.slice(0, MOST_NAMES).join(", ")}
        {more > 0 && ` + ${more}`}
      </p>
      <p class="quiet">{losers?.removedCount ? ruleEffect.removedHint : texts.losersHint}</p>
    </Confirm>
  );
}
