// One cause of held revocations: what happened, why the brake holds it, who would lose what, and the buttons to decide.
import { useState } from "preact/hooks";
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import type { HeldCausesQuery, HeldOfCauseQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { Pager, usePager } from "../../parts/pager";
import { Scope } from "../../parts/scope";
import { Loaded, Notice, ServerText } from "../../parts/states";
import { type Column, Table } from "../../parts/table";
import { useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import { type Brake, useBrakeWords } from "./brake";
import { Decide, type Decision } from "./decide";
import { HeldOfCause } from "./operations";

export type Cause = HeldCausesQuery["heldRevocationCauses"][number];
export type Held = HeldOfCauseQuery["heldRevocations"]["nodes"][number];

interface Props {
  cause: Cause;
  brake: Brake;
  canDecide: boolean;
  decided: () => unknown;
}

export function CauseCard({ cause, brake, canDecide, decided }: Props) {
  const { revocations, common } = useTexts();
  const format = useFormat();
  const words = useBrakeWords(brake);
  const people = common.people(cause.memberCount);
  return (
    <Card
      isFlush
      title={<span class="cause"><ServerText>{cause.cause}</ServerText></span>}
      actions={<Badge tone="warn">{revocations.heldSince(format.time(cause.heldSince))}</Badge>}
    >
      <div class="held-head">
        <p>
          <strong>{revocations.wouldLose(people, cause.count)}</strong>
          {cause.actor && <span class="quiet"> · {revocations.by(cause.actor)}</span>}
        </p>
        {cause.outageSuspected && (
          <Notice tone="warn" title={revocations.outage}>
            <p>{revocations.outageAction}</p>
          </Notice>
        )}
        <div>
          <h3>{revocations.whyHeld}</h3>
          <p>{brake.enabled ? revocations.why(words, people) : revocations.brake.offDetail}</p>
        </div>
        <CauseLinks cause={cause} />
      </div>
      <HeldList cause={cause} canDecide={canDecide} decided={decided} />
    </Card>
  );
}

function CauseLinks({ cause: { delivery, rule } }: { cause: Cause }) {
  const { revocations } = useTexts();
  if (!delivery && !rule) return null;
  return (
    <p class="row">
      {delivery && <PageLink to={`/deliveries/${delivery.id}`}>{revocations.delivery}</PageLink>}
      {delivery && <PageLink to={`/sources/${delivery.source.id}`}>{revocations.source(delivery.source.name)}</PageLink>}
      {rule && <PageLink to={`/rules/${rule.id}`}>{revocations.rule(rule.name)}</PageLink>}
    </p>
  );
}

function HeldList({ cause, canDecide, decided }: Omit<Props, "brake">) {
  const { revocations } = useTexts();
  const pager = usePager(50);
  const result = useLive(HeldOfCause, { cause: cause.id, ...pager.variables }, { keepPrevious: true });
  const [chosen, setChosen] = useState<Map<string, Held>>(new Map());
  const [decision, setDecision] = useState<Decision>();
  const columns = useColumns(canDecide, chosen, setChosen);
  const nodes = result.data?.heldRevocations.nodes ?? [];
  const done = () => {
    setDecision(undefined);
    setChosen(new Map());
    void result.refetch();
    decided();
  };
  const ask = (verb: Decision["verb"]) =>
    setDecision(
      chosen.size > 0
        ? { verb, held: [...chosen.values()], count: chosen.size, isAll: false }
        : { verb, held: nodes, count: cause.count, isAll: true },
    );
  const hasChoice = chosen.size > 0;
  return (
    <>
      {canDecide && <Choice nodes={nodes} chosen={chosen} setChosen={setChosen} />}
      <Loaded result={result}>
        {({ heldRevocations: page }) => (
          <>
            <Table caption={revocations.caption} columns={columns} rows={page.nodes} keyOf={({ id }) => id} />
            <Pager of={pager} page={page} />
          </>
        )}
      </Loaded>
      {canDecide && (
        <div class="held-foot">
          <span class="quiet" role="status">
            {hasChoice && revocations.chosen(chosen.size)}
          </span>
          <div class="row">
            <Button onClick={() => ask("dismiss")}>{hasChoice ? revocations.dismissChosen : revocations.dismissAll}</Button>
            <Button variant="danger" onClick={() => ask("approve")}>
              {hasChoice ? revocations.approveChosen : revocations.approveAll}
            </Button>
          </div>
        </div>
      )}
      {decision && <Decide cause={cause} decision={decision} close={() => setDecision(undefined)} done={done} />}
    </>
  );
}

interface ChoiceProps {
  nodes: Held[];
  chosen: Map<string, Held>;
  setChosen: (chosen: Map<string, Held>) => void;
}

function Choice({ nodes, chosen, setChosen }: ChoiceProps) {
  const { revocations } = useTexts();
  return (
    <div class="held-choice">
      <Button size="small" onClick={() => setChosen(new Map([...chosen, ...nodes.map((one) => [one.id, one] as const)]))}>
        {revocations.chooseAll}
      </Button>
      {chosen.size > 0 && (
        <Button size="small" variant="plain" onClick={() => setChosen(new Map())}>
          {revocations.chooseNone}
        </Button>
      )}
    </div>
  );
}

function useColumns(canDecide: boolean, chosen: Map<string, Held>, setChosen: ChoiceProps["setChosen"]): Column<Held>[] {
  const { revocations, parts } = useTexts();
  const toggle = (one: Held) => {
    const next = new Map(chosen);
    if (!next.delete(one.id)) next.set(one.id, one);
    setChosen(next);
  };
  const choice: Column<Held> = {
    header: parts.choose,
    cell: (one) => (
      <input type="checkbox" checked={chosen.has(one.id)} aria-label={parts.chooseOne(one.member.name)} onChange={() => toggle(one)} />
    ),
  };
  const columns: Column<Held>[] = [
    {
      header: revocations.person,
      cell: ({ member }) => (
        <PageLink to={`/people/${member.id}`} otherwise={member.name}>
          {member.name}
        </PageLink>
      ),
    },
    { header: revocations.loses, cell: ({ target }) => <Scope of={target} /> },
    { header: revocations.since, cell: ({ heldAt }) => <Time at={heldAt} /> },
  ];
  return canDecide ? [choice, ...columns] : columns;
}
