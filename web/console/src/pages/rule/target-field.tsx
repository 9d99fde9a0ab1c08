// What a rule opens: a group or a door.
import { PageLink } from "..";
import { useLive } from "../../api/use-live";
import { Field } from "../../parts/field";
import { Notice } from "../../parts/states";
import { useTexts } from "../../texts";
import type { Target } from "./draft";
import { RuleTargets } from "./operations";

interface Props {
  target: Target | null;
  error?: string;
  onTarget: (target: Target | null) => void;
}

export function TargetField({ target, error, onTarget }: Props) {
  const { rule } = useTexts();
  const { data } = useLive(RuleTargets, {});
  const groups = data?.groups.nodes ?? [];
  const locks = data?.locks.nodes ?? [];
  const isListed = [...groups, ...locks].some(({ id }) => id === target?.id);
  const choose = (id: string) => {
    const group = groups.find((one) => one.id === id);
    const lock = locks.find((one) => one.id === id);
    if (group) onTarget({ __typename: "Group", id, name: group.name, managed: group.managed });
    else onTarget(lock ? { __typename: "Lock", id, name: lock.name } : null);
  };
  // Whether the group is managed may have changed since.
  const chosen = groups.find(({ id }) => id === target?.id) ?? target;
  return (
    <>
      <Field label={rule.target} hint={rule.targetHint} error={error} required>
        {(control) => (
          <select {...control} value={target?.id ?? ""} onChange={(event) => choose(event.currentTarget.value)}>
            <option value="">{rule.chooseTarget}</option>
            {target && !isListed && <option value={target.id}>{target.name}</option>}
            <optgroup label={rule.groups}>
              {groups.map(({ id, name, place, managed }) => (
                <option key={id} value={id}>
                  {[name.trim(), place && ` · ${place.name}`, !managed && ` (${rule.unmanaged})`].filter(Boolean).join("")}
                </option>
              ))}
            </optgroup>
            <optgroup label={rule.locks}>
              {locks.map(({ id, name, place }) => (
                <option key={id} value={id}>
                  {place ? `${name} · ${place.name}` : name}
                </option>
              ))}
            </optgroup>
          </select>
        )}
      </Field>
      {chosen && "managed" in chosen && !chosen.managed && (
        <Notice tone="warn" title={rule.unmanagedNotice(chosen.name.trim())}>
          <PageLink to="/setup?step=groups">{rule.manage}</PageLink>
        </Notice>
      )}
    </>
  );
}
