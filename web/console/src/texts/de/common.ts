// Texte der Bausteine und Wörter, die mehrere Seiten verwenden.
import type * as en from "../en/common";
import type { Same } from "../same";
import { count } from "./words";

export const common: Same<typeof en.common> = {
  loading: "Wird geladen…",
  retry: "Erneut versuchen",
  close: "Schließen",
  cancel: "Abbrechen",
  save: "Speichern",
  required: "erforderlich",
  optional: "optional",
  always: "immer",
  never: "nie",
  none: "keine",
  yes: "Ja",
  no: "Nein",
  unknown: "unbekannt",
  from: (when) => `ab ${when}`,
  until: (when) => `bis ${when}`,
  fromUntil: (from, until) => `${from} bis ${until}`,
  showMore: "Mehr anzeigen",
  previous: "Zurück",
  next: "Weiter",
  total: (value) => count(value, "Eintrag", "Einträge"),
  openInPlayground: "Im Playground öffnen",
  playgroundHint: "Öffnet die Abfrage dieser Seite in einem neuen Tab, ohne sie auszuführen",
  details: "Details",
  people: (value) => count(value, "Person", "Personen"),
  correct: (value) => (value === 1 ? "Bitte korrigieren Sie dies:" : "Bitte korrigieren Sie diese Punkte:"),
  nothingChanged: "Es wurde nichts geändert.",
  tone: { good: "Alles in Ordnung", warn: "Achtung", bad: "Problem", info: "Hinweis" },
};

export const errors: Same<typeof en.errors> = {
  network: { title: "Der Server antwortet nicht", action: "Prüfen Sie Ihre Verbindung. Die Seite versucht es von selbst erneut, sobald Sie online sind." },
  forbidden: { title: "Ihre Rolle erlaubt das nicht", action: "Bitten Sie die Administration des Clubs darum, oder melden Sie sich mit einem anderen Token an." },
  busy: { title: "Der Server ist ausgelastet", action: "Warten Sie einen Moment und versuchen Sie es erneut." },
  tooLarge: { title: "Das ist zu viel auf einmal", action: "Grenzen Sie die Suche ein, oder wählen Sie einen kürzeren Zeitraum." },
  request: { title: "Der Server hat die Anfrage nicht angenommen", action: "Laden Sie die Seite neu: Die Konsole ist möglicherweise älter als der Server." },
  internal: { title: "Auf dem Server ist ein Fehler aufgetreten", action: "Versuchen Sie es erneut. Wenn der Fehler bleibt, nennen Sie dem Betreiber dieses Servers die Anfragenummer." },
  page: { title: "Die Seite konnte nicht geladen werden", action: "Möglicherweise wurde die Konsole aktualisiert. Laden Sie sie neu." },
  crash: { title: "Auf der Seite ist ein Fehler aufgetreten", action: "Laden Sie sie neu. Wenn der Fehler bleibt, teilen Sie dem Betreiber dieses Servers mit, was Sie getan haben." },
  reload: "Neu laden",
  requestId: (id) => `Anfragenummer: ${id}`,
};
