// What is typed into the forms of a source, and the input of the API that it gives. Pure.
import type { CreateSourceInput, Platform, SignatureRuleInput, SignatureScheme, SourceCredentialsInput, UpdateSourceInput } from "../../gql/graphql";

export const PLATFORMS: Platform[] = ["SPACEBRING", "TEAMUP", "CLUBSPOT", "EXERCISE_COM", "MAPPED", "CANONICAL"];

/** The platforms whose API is read, with the names of their credentials. */
export const CREDENTIALS = {
  SPACEBRING: { key: "spacebring", secret: ["clientSecret"], required: ["clientId", "clientSecret"], optional: ["locationRef"] },
  TEAMUP: { key: "teamUp", secret: ["token"], required: ["token"], optional: ["providerId"] },
  CLUBSPOT: { key: "clubspot", secret: ["apiKey"], required: ["apiKey", "clubId"], optional: [] },
} as const;

export type ReadPlatform = keyof typeof CREDENTIALS;
export const isRead = (platform: Platform): platform is ReadPlatform => platform in CREDENTIALS;

const SIGNED: SignatureScheme[] = ["STANDARD_WEBHOOKS", "SVIX", "STRIPE", "OFFICERND", "HUB_SHA256", "MINDBODY", "NEXUDUS", "PUSHPRESS", "CUSTOM"];

/** The schemes to choose from; empty where the platform has one of its own. */
export function schemesOf(platform: Platform): SignatureScheme[] {
  if (platform === "SPACEBRING" || platform === "TEAMUP") return [];
  return platform === "MAPPED" ? [...SIGNED, "SHARED_SECRET"] : SIGNED;
}

export const hasRule = (signature: string) => signature === "CUSTOM" || signature === "SHARED_SECRET";

export interface Draft {
  name: string;
  timeZone: string;
  readEvery: string;
  credentials: Record<string, string>;
  primaryMembersOnly: boolean;
  checkIn: boolean;
}

export interface RuleDraft {
  header: string;
  prefix: string;
  encoding: "HEX" | "BASE64";
  content: string;
  algorithm: "SHA256" | "SHA512";
  timestampHeader: string;
  idHeader: string;
}

export interface NewDraft extends Draft {
  platform: Platform;
  signature: SignatureScheme | "";
  secret: string;
  rule: RuleDraft;
  mapping: string;
}

export const EMPTY: NewDraft = {
  name: "",
  timeZone: "",
  readEvery: "",
  credentials: {},
  primaryMembersOnly: false,
  checkIn: false,
  platform: "SPACEBRING",
  signature: "",
  secret: "",
  rule: { header: "", prefix: "", encoding: "HEX", content: "", algorithm: "SHA256", timestampHeader: "", idHeader: "" },
  mapping: JSON.stringify({ type: "/type", events: {}, others: "ignore" }, null, 2),
};

const given = (text: string) => text.trim() || undefined;

/** Undefined where nothing was typed: the credentials stay as they are. */
function credentialsOf(platform: Platform, values: Record<string, string>): SourceCredentialsInput | undefined {
  if (!isRead(platform)) return undefined;
  const { key, required, optional } = CREDENTIALS[platform];
  const names: readonly string[] = [...required, ...optional];
  const typed = names.flatMap((name) => (values[name]?.trim() ? [[name, values[name].trim()]] : []));
  return typed.length > 0 ? ({ [key]: Object.fromEntries(typed) } as SourceCredentialsInput) : undefined;
}

function sharedInput(platform: Platform, draft: Draft) {
  return {
    name: draft.name.trim(),
    timeZone: given(draft.timeZone),
    credentials: credentialsOf(platform, draft.credentials),
    readEvery: isRead(platform) ? given(draft.readEvery) : undefined,
    primaryMembersOnly: platform === "CLUBSPOT" ? draft.primaryMembersOnly : undefined,
    checkIn: platform === "TEAMUP" ? draft.checkIn : undefined,
  };
}

function ruleInput(signature: string, rule: RuleDraft): SignatureRuleInput | undefined {
  if (!hasRule(signature)) return undefined;
  const base = { header: rule.header.trim(), prefix: rule.prefix || undefined };
  if (signature === "SHARED_SECRET") return base;
  const { timestampHeader, idHeader } = rule;
  return {
    ...base,
    encoding: rule.encoding,
    content: given(rule.content),
    algorithm: rule.algorithm,
    timestamp: given(timestampHeader) && { header: timestampHeader.trim() },
    eventId: given(idHeader) && { header: idHeader.trim() },
  } as SignatureRuleInput;
}

export function createInput(draft: NewDraft): CreateSourceInput {
  const { platform } = draft;
  const signature = schemesOf(platform).length > 0 && draft.signature ? draft.signature : undefined;
  return {
    ...sharedInput(platform, draft),
    platform,
    signature,
    secret: given(draft.secret),
    signatureRule: ruleInput(signature ?? "", draft.rule),
    mapping: platform === "MAPPED" ? JSON.parse(draft.mapping) : undefined,
  };
}

export function updateInput(source: string, platform: Platform, draft: Draft): UpdateSourceInput {
  return { source, ...sharedInput(platform, draft) };
}
