import type { tokens as en } from "../en/tokens";
import type { Same } from "../same";
import { count } from "./words";

export const tokens: Same<typeof en> = {
  title: "Tokens",
  lead: "Wer die API und diese Konsole benutzen darf. Jedes Token gehört zu einer Person, einem Bildschirm oder einem System und lässt sich einzeln widerrufen.",
  create: "Token anlegen",
  none: "Es gibt keine Tokens",
  roleCount: (value) => count(value, "Token", "Tokens"),
  noneOfRole: "Kein Token hat diese Rolle.",
  name: "Name",
  created: "Angelegt",
  expires: "Läuft ab",
  expired: "Abgelaufen",
  own: "Ihres",
  revoke: "Widerrufen",
  revokeOne: (name) => `${name} widerrufen`,
  may: {
    ADMIN: "Darf alles: Kisi verbinden, Regeln und Quellen ändern, über angehaltene Entzüge entscheiden, Tokens anlegen und widerrufen.",
    APP: "Für den Server einer App oder Website: sieht alles außer Inhalten von Lieferungen und Tokens, öffnet Türen für Mitglieder und erstellt Mitgliedssitzungen.",
    DESK: "Für den Empfang: sieht alles außer Inhalten von Lieferungen und Tokens, öffnet Türen für Mitglieder, gibt Zugang für höchstens einen Tag frei, sperrt Mitglieder und hebt eigene Sperren auf.",
    READER: "Für Bildschirme und Berichte: sieht, was der Empfang sieht, und ändert nichts.",
    MEMBER: "Ein einzelnes Mitglied, über eine Mitgliedssitzung.",
  },
  form: {
    nameHint: "Wer oder was es benutzt, etwa „Tablet am Empfang“. Der Verlauf zeigt diesen Namen.",
    role: "Was es darf",
    expires: "Läuft ab",
    expiresHint: "Der Tag, an dem es endet, nach der Uhr des Clubs. Ohne Tag gilt es, bis es widerrufen wird.",
    submit: "Token anlegen",
    created: "Das Token ist angelegt",
    createdDetail: (name) => `Geben Sie es an die weiter, die „${name}“ benutzen. Sie melden sich damit an dieser Konsole an oder senden es mit jeder Anfrage.`,
    secret: "Token",
  },
  revokeTitle: (name) => `„${name}“ widerrufen?`,
  revokeText: "Wer es benutzt, wird sofort abgemeldet, und seine Anfragen werden abgelehnt. Das lässt sich nicht rückgängig machen; legen Sie stattdessen ein neues Token an.",
  revokeMembers: "Damit erstellte Mitgliedssitzungen gelten weiter, bis sie enden, höchstens einen Tag.",
  revokeOwn: "Sie sind mit diesem Token angemeldet: Auch Sie werden abgemeldet.",
  revokeLast: "Das ist das einzige Token der Administration. Ohne dieses kann hier niemand etwas ändern, bis der Betreiber dieses Servers ein neues anlegt.",
  revoked: (name) => `„${name}“ ist widerrufen.`,
};
