// The guided set-up. Each step shows its state from the API, so that it can be left and resumed anywhere.
import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import type { SetupStateQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Icon } from "../../parts/icon";
import { PageHeader } from "../../parts/page-header";
import { useSearchState } from "../../parts/search-state";
import { Loaded } from "../../parts/states";
import { useTexts } from "../../texts";
import { DoneStep } from "./done";
import { GroupsStep } from "./groups";
import { KisiStep } from "./kisi";
import { SetupState } from "./operations";
import { STEPS, type StepName, type StepState, nextStep, stepStates } from "./progress";
import { RuleStep } from "./rule-step";
import "./setup.css";
import { SourceStep } from "./source";

export function Page() {
  const { setup } = useTexts();
  const result = useLive(SetupState, {});
  return (
    <>
      <PageHeader title={setup.title} lead={setup.lead} query={{ document: SetupState }} />
      <Loaded result={result}>{(data) => <Steps data={data} refetch={result.refetch} />}</Loaded>
    </>
  );
}

export interface StepProps {
  data: SetupStateQuery;
  /** After a change of one's own. */
  refetch: () => Promise<void>;
}

const CONTENTS = { kisi: KisiStep, groups: GroupsStep, source: SourceStep, rule: RuleStep, done: DoneStep };

function Steps(props: StepProps) {
  const { setup } = useTexts();
  const search = useSearchState();
  const states = stepStates(props.data);
  const wanted = search.get("step");
  // A step that becomes done stays open: it shows what came of it.
  const [first] = useState(() => nextStep(states));
  const open = STEPS.find((step) => step === wanted) ?? (wanted === "none" ? null : first);
  const done = STEPS.filter((step) => states[step] === "done").length;
  return (
    <div class="stack">
      <div class="progress">
        <p>{setup.progress(done, STEPS.length)}</p>
        <progress max={STEPS.length} value={done} aria-label={setup.progress(done, STEPS.length)} />
      </div>
      <ol class="steps">
        {STEPS.map((step, index) => {
          const Content = CONTENTS[step];
          return (
            <Step
              key={step}
              number={index + 1}
              name={step}
              state={states[step]}
              isOpen={open === step}
              toggle={() => search.set({ step: open === step ? "none" : step })}
              next={states[step] === "done" ? STEPS[index + 1] : undefined}
              goTo={(name) => search.set({ step: name })}
            >
              <Content {...props} />
            </Step>
          );
        })}
      </ol>
    </div>
  );
}

const TONES = { done: "good", open: "neutral", waiting: "info", problem: "bad" } as const;

interface StepBoxProps {
  number: number;
  name: StepName;
  state: StepState;
  isOpen: boolean;
  toggle: () => void;
  next?: StepName;
  goTo: (name: StepName) => void;
  children: ComponentChildren;
}

function Step({ number, name, state, isOpen, toggle, next, goTo, children }: StepBoxProps) {
  const { setup } = useTexts();
  const id = useId();
  return (
    <li class="card step" data-state={state}>
      <h2>
        <button type="button" aria-expanded={isOpen} aria-controls={id} onClick={toggle}>
          <span class="step-number" aria-hidden="true">
            {state === "done" ? <Icon name="good" size={22} /> : number}
          </span>
          <span class="step-name">{setup.steps[name]}</span>
          <Badge tone={TONES[state]}>{setup.states[state]}</Badge>
        </button>
      </h2>
      <div id={id} class="step-body stack" hidden={!isOpen}>
        {isOpen && children}
        {isOpen && next && (
          <div>
            <button type="button" class="button primary" onClick={() => goTo(next)}>
              {setup.next(setup.steps[next])}
              <Icon name="next" size={16} />
            </button>
          </div>
        )}
      </div>
    </li>
  );
}
