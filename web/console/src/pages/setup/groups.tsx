// Step 2: which groups Latchkey manages.
import { useState } from "preact/hooks";
import { Badge } from "../../parts/badge";
import { Button } from "../../parts/button";
import { Notice, ServerText } from "../../parts/states";
import { Table } from "../../parts/table";
import { textFor, useTexts } from "../../texts";
import type { StepProps } from "./page";
import { type Account, type Group, usedAccounts } from "./progress";
import { TakeOver } from "./take-over";

export function GroupsStep({ data, refetch }: StepProps) {
  const { groups } = useTexts().setup;
  const [chosen, setChosen] = useState<Group | null>(null);
  const accounts = usedAccounts(data);
  return (
    <>
      <p class="quiet">{groups.lead}</p>
      {accounts.length === 0 && <Notice tone="info" title={groups.first} />}
      {accounts.map((account) => (
        <section key={account.id} class="stack tight" aria-label={account.name}>
          {accounts.length > 1 && <h3>{account.name}</h3>}
          {account.groups.length === 0 ? <p>{groups.none}</p> : <Groups account={account} onManage={setChosen} />}
        </section>
      ))}
      {chosen && <TakeOver group={chosen} onClose={() => setChosen(null)} onDone={refetch} />}
    </>
  );
}

/** Managed ones first. */
const inOrder = (groups: readonly Group[]) => [...groups].sort((a, b) => Number(b.managed) - Number(a.managed));

function Groups({ account, onManage }: { account: Account; onManage: (group: Group) => void }) {
  const { groups: texts } = useTexts().setup;
  const doorsOf = ({ locks }: Group) => locks.map(({ name }) => name).join(", ") || texts.noDoors;
  return (
    <div class="box flush">
      <Table
        caption={texts.caption(account.name)}
        rows={inOrder(account.groups)}
        keyOf={({ id }) => id}
        columns={[
          {
            header: texts.name,
            cell: ({ name, place, problem }) => (
              <>
                <strong>{name.trim()}</strong> {place && <span class="quiet small">{place.name}</span>}
                {problem && (
                  <p class="small">
                    <ServerText>{problem}</ServerText>
                  </p>
                )}
              </>
            ),
          },
          { header: texts.doors, cell: (group) => doorsOf(group) },
          {
            header: texts.state,
            cell: ({ managed, rules, strangers }) => (
              <>
                <Badge tone={managed ? "good" : "neutral"}>{managed ? texts.managed : texts.unmanaged}</Badge>{" "}
                <span class="quiet small">
                  {texts.rules(rules.length)}
                  {managed && ` · ${textFor(texts.policyShort, strangers)}`}
                </span>
              </>
            ),
          },
          {
            header: "",
            align: "end",
            cell: (group) =>
              group.managed ? (
                <Button size="small" variant="plain" onClick={() => onManage(group)} aria-label={texts.changeGroup(group.name.trim())}>
                  {texts.change}
                </Button>
              ) : (
                <Button size="small" onClick={() => onManage(group)} aria-label={texts.manageGroup(group.name.trim())}>
                  {texts.manage}
                </Button>
              ),
          },
        ]}
      />
    </div>
  );
}
