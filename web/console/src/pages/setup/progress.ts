// How far the set-up is, from what the API says. Pure.
import type { SetupStateQuery } from "../../gql/graphql";

export const STEPS = ["kisi", "groups", "source", "rule", "done"] as const;
export type StepName = (typeof STEPS)[number];
export type StepState = "done" | "open" | "waiting" | "problem";

export type Account = SetupStateQuery["kisiAccounts"][number];
export type Group = Account["groups"][number];
export type Source = SetupStateQuery["sources"][number];

/** The accounts that are not disconnected. */
export const usedAccounts = ({ kisiAccounts }: SetupStateQuery) =>
  kisiAccounts.filter(({ status }) => status !== "DISCONNECTED" && status !== "DISCONNECTING");

/** Whether something has arrived from a source. */
export const hasArrived = ({ lastDeliveryAt, lastReadAt }: Source) => Boolean(lastDeliveryAt || lastReadAt);

export function stepStates(data: SetupStateQuery): Record<StepName, StepState> {
  const accounts = usedAccounts(data);
  const isConnected = accounts.some(({ status }) => status === "CONNECTED");
  const kisi = isConnected ? "done" : accounts.length > 0 ? "problem" : "open";
  const groups = accounts.some((account) => account.groups.some(({ managed }) => managed)) ? "done" : "open";
  const source = sourceState(data.sources);
  const rule = data.rules.totalCount > 0 ? "done" : "open";
  const isAll = [kisi, groups, source, rule].every((state) => state === "done");
  return { kisi, groups, source, rule, done: isAll ? "done" : "open" };
}

function sourceState(sources: readonly Source[]): StepState {
  if (sources.some(hasArrived)) return "done";
  if (sources.some(({ problems }) => problems.length > 0)) return "problem";
  return sources.length > 0 ? "waiting" : "open";
}

/** The step to do next: the first that is not done. */
export const nextStep = (states: Record<StepName, StepState>): StepName => STEPS.find((step) => states[step] !== "done") ?? "done";
