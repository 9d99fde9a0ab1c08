// A rule while it is edited: from a rule of the API or a suggestion, to the input of the API, and merged with an edit that
// somebody else made meanwhile. Pure.
import type { ConditionInput, PrefillNamesQuery, RuleByIdQuery, RuleConditionFragment, RuleInput, RuleTargetFragment } from "../../gql/graphql";

export type Rule = Extract<NonNullable<RuleByIdQuery["node"]>, { __typename: "Rule" }>;
export type Condition = RuleConditionFragment;
export type ConditionType = Condition["__typename"];
export type ConditionOf<Type extends ConditionType> = Extract<Condition, { __typename: Type }>;
export type Target = RuleTargetFragment;
export interface Named {
  id: string;
  name: string;
}

export interface Draft {
  name: string;
  target: Target | null;
  enabled: boolean;
  conditions: Condition[];
}

export const EMPTY: Draft = { name: "", target: null, enabled: true, conditions: [] };

export const CONDITION_TYPES: ConditionType[] = [
  "MembershipCondition",
  "RegistrationCondition",
  "PurchaseCondition",
  "TagCondition",
  "ScheduleCondition",
];

/** A new condition, with the defaults of the API. */
export function newCondition(type: ConditionType, timeZone: string): Condition {
  switch (type) {
    case "MembershipCondition":
      return { __typename: type, offerings: [], locations: [], whenBlocked: "DENY", grace: null };
    case "RegistrationCondition": {
      const margins = { opensBefore: "PT30M", closesAfter: "PT30M" };
      const rest = { kinds: [], span: "BOOKING", guests: true, appliesToOngoing: true } as const;
      return { __typename: type, offerings: [], locations: [], ...margins, ...rest, kinds: [] };
    }
    case "PurchaseCondition":
      return { __typename: type, offerings: [], locations: [] };
    case "TagCondition":
      return { __typename: type, tags: [] };
    case "ScheduleCondition": {
      const days: ConditionOf<"ScheduleCondition">["days"] = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"];
      return { __typename: type, days, from: "09:00", until: "17:00", timeZone, startDate: null, endDate: null };
    }
  }
}

const ids = (all: readonly Named[]) => all.map(({ id }) => id);

function conditionInput(condition: Condition): ConditionInput {
  switch (condition.__typename) {
    case "MembershipCondition": {
      const { offerings, locations, whenBlocked, grace } = condition;
      return { membership: { offerings: ids(offerings), locations: ids(locations), whenBlocked, grace: whenBlocked === "GRACE" ? grace : null } };
    }
    case "RegistrationCondition": {
      const { __typename, offerings, locations, ...rest } = condition;
      return { registration: { ...rest, offerings: ids(offerings), locations: ids(locations) } };
    }
    case "PurchaseCondition":
      return { purchase: { offerings: ids(condition.offerings), locations: ids(condition.locations) } };
    case "TagCondition":
      return { tag: { tags: condition.tags } };
    case "ScheduleCondition": {
      const { __typename, ...schedule } = condition;
      return { schedule };
    }
  }
}

export function inputOf({ name, target, enabled, conditions }: Draft): RuleInput {
  return { name, target: target?.id ?? "", enabled, conditions: conditions.map(conditionInput) };
}

export const draftOf = ({ name, target, enabled, conditions }: Pick<Rule, "name" | "target" | "enabled" | "conditions">): Draft => ({
  name,
  target,
  enabled,
  conditions: [...conditions],
});

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
const partOf = (draft: Draft, part: keyof Draft) => inputOf(draft)[part];

export const isSame = (one: Draft, other: Draft) => same(inputOf(one), inputOf(other));

/** My edit of `base` on top of `theirs`: what I left alone is theirs. */
export function mergeDraft(base: Draft, mine: Draft, theirs: Draft): Draft {
  const pick = <Part extends keyof Draft>(part: Part): Draft[Part] => (same(partOf(mine, part), partOf(base, part)) ? theirs : mine)[part];
  return { name: pick("name"), target: pick("target"), enabled: pick("enabled"), conditions: pick("conditions") };
}

/** What both edits changed, differently: my version replaces theirs there. */
export function conflicts(base: Draft, mine: Draft, theirs: Draft): (keyof Draft)[] {
  const parts: (keyof Draft)[] = ["name", "target", "enabled", "conditions"];
  return parts.filter((part) => {
    const [before, here, there] = [base, mine, theirs].map((draft) => partOf(draft, part));
    return !same(before, here) && !same(before, there) && !same(here, there);
  });
}

type Nodes = PrefillNamesQuery["nodes"];

/** The ids in a rule's input, whose names the form needs. */
export function idsIn({ target, conditions }: RuleInput): string[] {
  const inConditions = conditions.flatMap((condition) => {
    const { offerings = [], locations = [] } = condition.membership ?? condition.registration ?? condition.purchase ?? {};
    return [...offerings, ...locations];
  });
  return [...new Set([target, ...inConditions].map(String))].filter(Boolean);
}

/** The draft of a rule's input, as a suggestion gives it. Left-out fields have the defaults of the API. */
export function prefilled(input: RuleInput, nodes: Nodes, timeZone: string): Draft {
  const named = new Map<string, Named>();
  let target: Target | null = null;
  for (const node of nodes) {
    if (!node || !("name" in node)) continue;
    named.set(node.id, node);
    if (node.id === input.target && (node.__typename === "Group" || node.__typename === "Lock")) target = node;
  }
  const names = (all: readonly (string | number)[] = []) => all.flatMap((id) => named.get(String(id)) ?? []);
  const conditions = input.conditions.map((given): Condition => {
    const fill = <Type extends ConditionType>(type: Type, values: object): Condition => ({ ...newCondition(type, timeZone), ...values }) as Condition;
    const linked = (values: { offerings?: readonly (string | number)[]; locations?: readonly (string | number)[] }) => ({
      ...values,
      offerings: names(values.offerings),
      locations: names(values.locations),
    });
    if (given.membership) return fill("MembershipCondition", linked(given.membership));
    if (given.registration) return fill("RegistrationCondition", linked(given.registration));
    if (given.purchase) return fill("PurchaseCondition", linked(given.purchase));
    if (given.tag) return fill("TagCondition", given.tag);
    return fill("ScheduleCondition", given.schedule ?? {});
  });
  return { name: input.name, target, enabled: input.enabled ?? true, conditions };
}
