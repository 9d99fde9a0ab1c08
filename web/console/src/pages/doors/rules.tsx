// Rules in words: "Allowed: Members with Full membership (rule "Full members")".
import type { ComponentChildren } from "preact";
import { PageLink } from "..";
import { Badge } from "../../parts/badge";
import { ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import "./rules.css";

export interface RuleWords {
  id: string;
  name: string;
  enabled: boolean;
  summary: string;
}

export function Rules({ rules }: { rules: readonly RuleWords[] }) {
  const { doors } = useTexts();
  return (
    <ul class="rule-words">
      {rules.map(({ id, name, enabled, summary }) => (
        <li key={id} data-enabled={enabled}>
          {doors.allowed} <ServerText>{summary}</ServerText>{" "}
          <span class="quiet small">
            (
            <PageLink to={`/rules/${id}`} otherwise={doors.rule(name)}>
              {doors.rule(name)}
            </PageLink>
            )
          </span>{" "}
          {!enabled && <Badge tone="neutral">{doors.disabled}</Badge>}
        </li>
      ))}
    </ul>
  );
}

export interface RuleHolder {
  rules: readonly RuleWords[];
  groups: readonly { id: string; name: string; managed: boolean; rules: readonly RuleWords[] }[];
}

/** The rules of a lock: those of the managed groups that open it, and its own. */
export function LockRules({ rules, groups }: RuleHolder) {
  const { doors } = useTexts();
  const ruled = groups.filter((group) => group.managed && group.rules.length > 0);
  if (ruled.length === 0 && rules.length === 0) return <p class="quiet small">{doors.noRulesLock}</p>;
  return (
    <>
      {ruled.map((group) => (
        <Part key={group.id} title={doors.byGroup(group.name.trim())}>
          <Rules rules={group.rules} />
        </Part>
      ))}
      {rules.length > 0 && (
        <Part title={doors.ownRules}>
          <Rules rules={rules} />
        </Part>
      )}
    </>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <p class="quiet small">{title}</p>
      {children}
    </div>
  );
}

/** The settings in Kisi that can make Kisi refuse an unlock. */
export function Restrictions({ restrictions }: { restrictions: readonly string[] }) {
  const { doors, access } = useTexts();
  if (restrictions.length === 0) return null;
  return (
    <div class="row">
      <span class="quiet small">{doors.restrictions}:</span>
      {restrictions.map((one) => (
        <Badge key={one} tone="warn">
          {textFor(access.restrictions, one)}
        </Badge>
      ))}
    </div>
  );
}
