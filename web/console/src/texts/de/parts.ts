import type { parts as en } from "../en/parts";
import type { Same } from "../same";

export const parts: Same<typeof en> = {
  copy: "Kopieren",
  copied: "Kopiert",
  shownOnce: "Kopieren Sie es jetzt: Es wird nur dieses eine Mal angezeigt.",
  done: "Fertig",
  choose: "Auswählen",
  chooseOne: (name) => `${name} auswählen`,
  all: "Alle",
  filters: "Filter",
  clearFilters: "Filter zurücksetzen",
  member: "Person",
  memberHint: "Geben Sie einen Teil des Namens oder der E-Mail-Adresse ein.",
  noMember: "Niemand hat diesen Namen oder diese Adresse.",
  removeMember: (name) => `Filter für ${name} entfernen`,
  notJson: "Das ist kein JSON; es wird so angezeigt, wie es gesendet wurde.",
  downloadFailed: "Der Download ist fehlgeschlagen",
  downloadFailedAction: "Prüfen Sie Ihre Verbindung und versuchen Sie es erneut.",
  kinds: { Group: "Gruppe", Lock: "Tür", Place: "Standort", KisiAccount: "Kisi-Organisation" },
  allDoors: "Alle Türen",
};
