// The API's errors of a rule by the path of their field, in the language of the console where it has words for them.
import type { CombinedError } from "@urql/core";
import type { UserError } from "../../api/use-mutation";
import type { Texts } from "../../texts";
import type { Draft } from "./draft";

export interface FieldErrors {
  /** The message of a field, such as "name" or "conditions.0.tag.tags"; also that of one of its entries. */
  at: (path: string) => string | undefined;
  /** Messages for all fields, in the order of the API. */
  all: string[];
}

export const NO_ERRORS: FieldErrors = { at: () => undefined, all: [] };

/** "input.conditions.0.tag.tags.1" and "change.create.conditions.0.tag.tags.1" as "conditions.0.tag.tags.1". */
const pathOf = ({ field }: UserError) => (field ?? []).join(".").replace(/^(input|change\.(create|update)(\.input)?)\.?/, "");

/** The errors of a preview, which the API gives beside its message. */
export function previewErrors(error: CombinedError): UserError[] {
  const [first] = error.graphQLErrors;
  const fields = first?.extensions.fields;
  return Array.isArray(fields) ? (fields as UserError[]) : [];
}

export function fieldErrors(errors: readonly UserError[], mistakes: Texts["rule"]["mistakes"]): FieldErrors {
  if (errors.length === 0) return NO_ERRORS;
  const known: Partial<Record<string, string>> = mistakes;
  const found = errors.map((error) => {
    const path = pathOf(error);
    const kind = path.replace(/^conditions\.\d+\./, "").replace(/\.\d+$/, "");
    // Of a condition's list that is too long, or an id that is gone, the API's words say more.
    const message = error.code === "INVALID" || kind === "target" ? known[kind] : undefined;
    return { path, message: message ?? error.message };
  });
  return {
    at: (path) => found.find((one) => one.path === path || (path !== "conditions" && one.path.startsWith(`${path}.`)))?.message,
    all: [...new Set(found.map(({ message }) => message))],
  };
}

export const isTime = (text: string) => /^([01]\d|2[0-3]):[0-5]\d$|^24:00$/.test(text);

/** What cannot be sent, since the API's types have no room for it: a time that is none. */
export function unsendable({ conditions }: Draft, mistakes: Texts["rule"]["mistakes"]): UserError[] {
  return conditions.flatMap((condition, index) => {
    if (condition.__typename !== "ScheduleCondition") return [];
    const wrong = (["from", "until"] as const).filter((field) => !isTime(condition[field]));
    return wrong.map((field) => ({ code: "TIME", message: mistakes.time, field: ["input", "conditions", `${index}`, "schedule", field] }));
  });
}
