// Step 5: who can open the first doors, and what to do next.
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import { Notice } from "../../parts/states";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import { FirstDoor } from "./operations";
import type { StepProps } from "./page";
import { type Group, STEPS, stepStates, usedAccounts } from "./progress";

export function DoneStep({ data }: StepProps) {
  const { setup } = useTexts();
  const format = useFormat();
  const { done: texts } = setup;
  const states = stepStates(data);
  const missing = STEPS.filter((step) => step !== "done" && states[step] !== "done");
  const groups = usedAccounts(data).flatMap((account) => account.groups.filter(({ managed, rules }) => managed && rules.length > 0));
  const links = [
    { to: "/people", title: texts.people, hint: texts.peopleHint },
    { to: "/tokens", title: texts.tokens, hint: texts.tokensHint },
    { to: "/webhooks", title: texts.webhooks, hint: texts.webhooksHint },
    { to: "/sources", title: texts.sources, hint: texts.sourcesHint },
  ];
  return (
    <>
      {missing.length > 0 && <Notice tone="info" title={texts.missing(format.list(missing.map((step) => setup.steps[step])))} />}
      {groups.slice(0, 5).map((group) => (
        <Opened key={group.id} group={group} />
      ))}
      <p>{texts.lead}</p>
      <ul class="next-links">
        {links.map(({ to, title, hint }) => (
          <li key={to} class="box">
            <strong>
              <PageLink to={to} otherwise={title}>
                {title}
              </PageLink>
            </strong>
            <p class="quiet small">{hint}</p>
          </li>
        ))}
      </ul>
    </>
  );
}

function Opened({ group }: { group: Group }) {
  const { setup, common } = useTexts();
  const { data } = useLive(FirstDoor, { group: group.id });
  const node = data?.node;
  if (!node || !("allowedMembers" in node)) return null;
  const { totalCount, nodes } = node.allowedMembers;
  const name = group.name.trim();
  if (totalCount === 0) return <p class="quiet">{setup.done.nobodyYet(name)}</p>;
  const [first] = nodes;
  return (
    <Notice tone="good" title={setup.done.open(common.people(totalCount), name)}>
      {first && (
        <p class="small">
          <PageLink to={`/people/${first.id}`} otherwise={first.name}>
            {first.name}
          </PageLink>
          {": "}
          {first.doors.map(({ lock }) => lock.name).join(", ")}
          <br />
          {setup.done.tryIt}
        </p>
      )}
    </Notice>
  );
}
