// The list of rules.
import { count } from "./words";

export const rules = {
  title: "Rules",
  lead: "Who can open what. A person has access if any one enabled rule gives it.",
  create: "New rule",
  search: "Search by name",
  state: "Show",
  states: { all: "All rules", enabled: "Enabled rules", disabled: "Disabled rules" },
  enabled: "Enabled",
  disabled: "Disabled",
  unmanaged: "Group not managed: no effect yet",
  group: "Group",
  lock: "Door",
  changed: "Changed",
  found: (value: number) => count(value, "rule", "rules"),
  none: "There are no rules yet",
  noneHint: "Nobody has access by a rule. Start with a suggestion from your memberships and groups, or write a rule of your own.",
  noneReadOnly: "An admin can write rules.",
  suggestions: "See suggested rules",
  nothingFound: "No rule matches",
  nothingFoundHint: "Try another word, or show all rules.",
  showAll: "Show all rules",
};
