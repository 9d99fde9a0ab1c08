// The state of the editor: the draft, what it is based on, its preview, and saving it.
import { useEffect, useRef, useState } from "preact/hooks";
import { useMutationWithErrors } from "../../api/use-mutation";
import { useToast } from "../../parts/toast";
import { navigate, useLocation } from "../../router/router";
import { useTexts } from "../../texts";
import { CreateRule, UpdateRule } from "./changes";
import { type Draft, type Rule, draftOf, inputOf, isSame, mergeDraft } from "./draft";
import { fieldErrors, unsendable } from "./errors";
import { type Preview, lossCount, usePreview } from "./use-preview";

/** Stands for a name that is not written yet, so that the effect shows already. */
const NO_NAME = "–";

interface Base {
  /** Null for a new rule. */
  version: number | null;
  draft: Draft;
}

/** `rule` is the latest version; null for a new rule, and for one that was deleted meanwhile. */
export function useEditor(rule: Rule | null, initial: Draft) {
  const { rule: texts, ruleEffect } = useTexts();
  const isSetup = useLocation().search.get("from") === "setup";
  const toast = useToast();
  const [base, setBase] = useState<Base>({ version: rule?.version ?? null, draft: initial });
  const [draft, setDraft] = useState(initial);
  const [isAttempted, setAttempted] = useState(false);
  const [losers, setLosers] = useState<Preview | null>(null);
  const [isSaving, setSaving] = useState(false);
  const own = useRef<number>(0);
  const isDirty = !isSame(draft, base.draft);

  const wrong = unsendable(draft, texts.mistakes);
  const input = inputOf(draft);
  const shown = isAttempted ? input : { ...input, name: input.name.trim() || NO_NAME };
  const changeOf = (of: typeof input) => (rule ? { update: { rule: rule.id, input: of } } : { create: of });
  const preview = usePreview(wrong.length > 0 || (rule && !isDirty) ? null : changeOf(shown));
  const create = useMutationWithErrors(CreateRule);
  const update = useMutationWithErrors(UpdateRule);
  const mutation = rule ? update : create;
  const refusals = mutation.userErrors.filter(({ code }) => code !== "STALE");
  const allErrors = fieldErrors([...wrong, ...preview.userErrors, ...refusals], texts.mistakes);
  const isStale = rule !== null && base.version !== null && rule.version > base.version;

  useEffect(() => {
    if (!rule || !isStale || isDirty || isSaving) return;
    setBase({ version: rule.version, draft: draftOf(rule) });
    setDraft(draftOf(rule));
    if (rule.version !== own.current) toast(ruleEffect.stale.reloaded);
  }, [rule?.version, isStale, isDirty, isSaving]);

  const edit = (changes: Partial<Draft>) => {
    create.reset();
    update.reset();
    setDraft((before) => ({ ...before, ...changes }));
  };
  const submit = async (basedOn: string | undefined) => {
    setLosers(null);
    const variables = { input, basedOn: basedOn ?? null };
    const payload = rule ? await update.run({ rule: rule.id, ...variables }) : await create.run(variables);
    if (!payload?.rule) return void (await preview.ask());
    const { id, name, version } = payload.rule;
    own.current = version;
    setBase({ version, draft });
    setAttempted(false);
    toast(rule ? texts.saved(name) : texts.created(name));
    const next = isSetup ? "/setup?step=done" : `/rules/${id}`;
    if (!rule) setTimeout(() => navigate(next, { replace: true }));
  };
  const save = async () => {
    setAttempted(true);
    if (wrong.length > 0 || isSaving) return;
    setSaving(true);
    const answer = await preview.ask(changeOf(input));
    // Without a preview, there are mistakes, or no connection: both are shown.
    if (answer.preview && lossCount(answer.preview) > 0) setLosers(answer.preview);
    else if (answer.preview) await submit(answer.preview.basedOn);
    setSaving(false);
  };
  /** Continues with the present version of the rule: with my changes, or without them. */
  const rebase = (keepMine: boolean) => {
    if (!rule) return;
    const theirs = draftOf(rule);
    setDraft(keepMine ? mergeDraft(base.draft, draft, theirs) : theirs);
    setBase({ version: rule.version, draft: theirs });
    update.reset();
  };
  return {
    draft,
    base,
    edit,
    isDirty,
    isStale: isStale && isDirty && !isSaving,
    isSaving,
    isAttempted,
    isEffectChanged: mutation.userErrors.some(({ code }) => code === "STALE"),
    failure: mutation.failure,
    preview,
    errors: allErrors,
    losers,
    /** Takes access with the preview that was shown, as `basedOn` promises. */
    confirm: async () => {
      setSaving(true);
      await submit(losers?.basedOn);
      setSaving(false);
    },
    cancel: () => setLosers(null),
    save,
    discard: () => edit(base.draft),
    rebase,
    /** An own change elsewhere, such as in a dialog, is no surprise. */
    expect: (version: number) => {
      own.current = version;
    },
  };
}

export type EditorState = ReturnType<typeof useEditor>;
