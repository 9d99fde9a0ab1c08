import type * as en from "../en/rules";
import type { Same } from "../same";
import { count } from "./words";

export const rules: Same<typeof en.rules> = {
  title: "Regeln",
  lead: "Wer was öffnen kann. Eine Person hat Zugang, wenn irgendeine aktive Regel ihn gibt.",
  create: "Neue Regel",
  search: "Nach Namen suchen",
  state: "Anzeigen",
  states: { all: "Alle Regeln", enabled: "Aktive Regeln", disabled: "Inaktive Regeln" },
  enabled: "Aktiv",
  disabled: "Inaktiv",
  unmanaged: "Gruppe nicht verwaltet: noch ohne Wirkung",
  group: "Gruppe",
  lock: "Tür",
  changed: "Geändert",
  found: (value) => count(value, "Regel", "Regeln"),
  none: "Es gibt noch keine Regeln",
  noneHint: "Niemand hat Zugang durch eine Regel. Beginnen Sie mit einem Vorschlag aus Ihren Mitgliedschaften und Gruppen, oder schreiben Sie eine eigene Regel.",
  noneReadOnly: "Regeln schreibt die Administration.",
  suggestions: "Vorgeschlagene Regeln ansehen",
  nothingFound: "Keine Regel passt dazu",
  nothingFoundHint: "Versuchen Sie ein anderes Wort, oder zeigen Sie alle Regeln an.",
  showAll: "Alle Regeln anzeigen",
};
