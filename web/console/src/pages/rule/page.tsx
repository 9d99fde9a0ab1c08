// A rule: its editor for those who may change it, else its words.
import { useRef, useState } from "preact/hooks";
import type { PageProps } from "..";
import { useLive } from "../../api/use-live";
import type { RuleInput } from "../../gql/graphql";
import { Button, LinkButton } from "../../parts/button";
import { PageHeader } from "../../parts/page-header";
import { EmptyState, Loaded, Loading, Notice } from "../../parts/states";
import { useLocation } from "../../router/router";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { RulePreview } from "./changes";
import { DeleteDialog, EnableDialog } from "./change-dialog";
import { type Draft, EMPTY, type Rule, draftOf, idsIn, prefilled } from "./draft";
import { Editor } from "./editor";
import { PrefillNames, RuleById } from "./operations";
import { ReadOnly } from "./reading";
import "./rule.css";
import type { EditorState } from "./use-editor";
import { Versions } from "./versions";

export function Page({ params }: PageProps) {
  return params.id ? <Existing id={params.id} /> : <New />;
}

function useBack() {
  const { rule, setup } = useTexts();
  const isSetup = useLocation().search.get("from") === "setup";
  return isSetup ? { to: "/setup?step=rule", label: setup.title } : { to: "/rules", label: rule.back };
}

/** A new rule: empty, for a group or a door (`?target=ID`), or as a suggestion gives it (`?input=JSON`). */
function New() {
  const { rule } = useTexts();
  const { club } = useViewer();
  const { search } = useLocation();
  const [input] = useState(() => inputIn(search.get("input")) ?? inputFor(search.get("target")));
  const names = useLive(PrefillNames, { ids: input ? idsIn(input) : [] }, { pause: !input });
  const back = useBack();
  const variables = input ? { change: { create: input }, first: 20 } : {};
  return (
    <>
      <PageHeader title={rule.newTitle} lead={rule.lead} back={back} query={{ document: RulePreview, variables }} />
      {input ? (
        <Loaded result={names}>{({ nodes }) => <Editor rule={null} initial={prefilled(input, nodes, club.timeZone)} />}</Loaded>
      ) : (
        <Editor rule={null} initial={EMPTY} />
      )}
    </>
  );
}

/** An address may be mistyped: then the form is empty. */
function inputIn(text: string | null): RuleInput | null {
  try {
    const input: unknown = JSON.parse(text ?? "null");
    const isRule = typeof input === "object" && input !== null && "target" in input && "conditions" in input && Array.isArray(input.conditions);
    return isRule ? ({ name: "", ...input } as RuleInput) : null;
  } catch {
    return null;
  }
}

const inputFor = (target: string | null): RuleInput | null => (target ? { name: "", target, conditions: [] } : null);

function Existing({ id }: { id: string }) {
  const { rule: texts } = useTexts();
  const { data, failure, isLoading, refetch } = useLive(RuleById, { id });
  const last = useRef<Rule | null>(null);
  const back = useBack();
  const node = data?.node?.__typename === "Rule" ? data.node : null;
  if (node) last.current = node;
  if (last.current) return <Known rule={last.current} isGone={data !== undefined && !node} />;
  return (
    <>
      <PageHeader title={texts.form} back={back} />
      {failure || !data ? (
        isLoading && !failure ? <Loading /> : <Loaded result={{ failure, isLoading, refetch }}>{() => null}</Loaded>
      ) : (
        <EmptyState title={texts.notFound} icon="search">
          <p>{texts.notFoundHint}</p>
        </EmptyState>
      )}
    </>
  );
}

function Known({ rule, isGone }: { rule: Rule; isGone: boolean }) {
  const { rule: texts, ruleEffect } = useTexts();
  const { may } = useViewer();
  const back = useBack();
  const [dialog, setDialog] = useState<"delete" | "enable" | null>(null);
  const [isDirty, setDirty] = useState(false);
  const expect = useRef<EditorState["expect"]>(() => {});
  const [initial] = useState<Draft>(() => draftOf(rule));
  const canEdit = may("updateRule");
  const close = () => setDialog(null);
  const watch = (state: EditorState) => {
    expect.current = state.expect;
    setDirty(state.isDirty);
  };
  const buttons = canEdit && !isGone && (
    <>
      <Button onClick={() => setDialog("enable")} disabled={isDirty}>
        {rule.enabled ? texts.disable : texts.enable}
      </Button>
      <Button variant="danger" onClick={() => setDialog("delete")}>
        {texts.delete}
      </Button>
    </>
  );
  return (
    <>
      <PageHeader
        title={rule.name}
        lead={canEdit ? texts.lead : texts.readOnlyLead}
        back={back}
        query={{ document: RuleById, variables: { id: rule.id } }}
        actions={buttons}
      />
      <div class="stack">
        {isGone && (
          <Notice tone="warn" title={ruleEffect.stale.deleted} role="alert">
            {isDirty && <p>{ruleEffect.stale.deletedHint}</p>}
            {!isDirty && <LinkButton to="/rules">{texts.back}</LinkButton>}
          </Notice>
        )}
        {canEdit && <Editor rule={isGone ? null : rule} initial={initial} onState={watch} />}
        {!canEdit && <ReadOnly rule={rule} />}
        <Versions rule={rule} />
      </div>
      {dialog === "delete" && <DeleteDialog rule={rule} onClose={close} />}
      {dialog === "enable" && <EnableDialog rule={rule} onClose={close} onVersion={(version) => expect.current(version)} />}
    </>
  );
}
