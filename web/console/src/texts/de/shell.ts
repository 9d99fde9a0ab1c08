// Der Rahmen: Anmeldung, Navigation, Verbindung.
import type * as en from "../en/shell";
import type { Same } from "../same";

export const shell: Same<typeof en.shell> = {
  skip: "Zum Inhalt springen",
  menu: "Menü",
  navigation: "Hauptnavigation",
  language: "Sprache",
  account: "Konto und Sprache",
  signOut: "Abmelden",
  signedInAs: "Angemeldet als",
  singleSignOn: "Single Sign-on",
  until: (when) => `bis ${when}`,
  roles: { ADMIN: "Administration", APP: "App-Server", DESK: "Empfang", READER: "Nur Lesen", MEMBER: "Mitglied" },
  live: { connecting: "Verbinde…", live: "Live", away: "Verbinde neu…" },
  notFound: {
    title: "Diese Seite gibt es nicht",
    explanation: "Vielleicht enthält die Adresse einen Tippfehler, oder Ihre Rolle umfasst die Seite nicht.",
    home: "Zur Startseite",
  },
  memberOnly: {
    title: "Die Konsole ist für das Personal",
    explanation: "Sie sind mit einer Mitgliedssitzung angemeldet. Melden Sie sich ab und mit einem Token des Personals wieder an.",
  },
};

export const nav: Same<typeof en.nav> = {
  home: "Start",
  setup: "Einrichtung",
  doors: "Türen und Gruppen",
  rules: "Regeln",
  people: "Personen",
  revocations: "Angehaltene Entzüge",
  sources: "Quellen",
  webhooks: "Ausgehende Webhooks",
  tokens: "Tokens",
  history: "Verlauf",
};

export const signIn: Same<typeof en.signIn> = {
  title: "Anmelden",
  lead: "Verwaltung der Türzugänge",
  token: "Token",
  tokenHint: "Tokens legt die Administration auf der Seite „Tokens“ an; das erste wird beim Anlegen des Clubs ausgegeben. Es wird vergessen, sobald Sie diesen Tab schließen.",
  submit: "Mit dem Token anmelden",
  with: (name) => `Mit ${name} anmelden`,
  or: "oder",
  required: "Geben Sie ein Token ein.",
  refused: "Der Server lehnt dieses Token ab. Es enthält einen Tippfehler, wurde widerrufen oder ist abgelaufen.",
  member: "Das ist eine Mitgliedssitzung. Die Konsole braucht ein Token des Personals.",
  unreachable: "Der Server antwortet nicht. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut.",
  ended: {
    token: "Sie wurden abgemeldet: Das Token wurde widerrufen oder ist abgelaufen. Melden Sie sich erneut an.",
    session: "Sie wurden abgemeldet: Ihre Sitzung ist beendet. Melden Sie sich erneut an.",
  },
  problems: {
    settings: "Die Anmeldung über den Identitätsanbieter ist nicht vollständig eingerichtet. Wenden Sie sich an den Betrieb dieses Dienstes.",
    provider: "Der Identitätsanbieter antwortet nicht wie erwartet. Versuchen Sie es erneut; bleibt es so, wenden Sie sich an den Betrieb dieses Dienstes.",
    denied: "Die Anmeldung wurde beim Identitätsanbieter abgelehnt oder abgebrochen.",
    expired: "Die Anmeldung hat zu lange gedauert oder in einem anderen Fenster begonnen. Versuchen Sie es erneut.",
    "no-role": "Sie sind beim Identitätsanbieter angemeldet, haben in diesem Club aber keine Rolle. Fragen Sie die Administration des Clubs.",
    unavailable: "Der Dienst erreicht seine Datenbank nicht. Versuchen Sie es in einer Minute erneut.",
  },
  signOutFailed: "Der Server hat die Abmeldung nicht bestätigt. Schließen Sie sicherheitshalber den Browser.",
};
