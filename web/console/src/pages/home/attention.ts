// What needs a person, from the answer of the home page: what is wrong, what to do, and where. Pure.
import type { HomeQuery } from "../../gql/graphql";
import { type Texts, textFor } from "../../texts";

export interface Item {
  id: string;
  tone: "warn" | "bad";
  title: string;
  /** What the server says of it, in English. */
  details: string[];
  action: string;
  link?: { to: string; text: string };
}

type Rules = (data: HomeQuery, texts: Texts) => Item[];

const accounts: Rules = ({ kisiAccounts }, { home }) => {
  const used = kisiAccounts.filter(({ status }) => status !== "DISCONNECTED");
  const link = { to: "/setup", text: home.links.setup };
  if (used.length === 0) return [{ id: "no-kisi", tone: "warn", title: home.noKisi, details: [], action: home.noKisiAction, link }];
  return used
    .filter(({ problem, status }) => problem || status === "UNAUTHORIZED" || status === "UNREACHABLE")
    .map(({ id, name, status, problem }) => ({
      id,
      tone: "bad",
      title: `${home.accountProblem(name)}: ${textFor(home.kisiStatus, status)}`,
      details: problem ? [problem] : [],
      action: textFor(home.kisiAction, status),
      link,
    }));
};

const groups: Rules = ({ kisiAccounts }, { home }) =>
  kisiAccounts.flatMap((account) =>
    account.groups.flatMap(({ id, name, problem }): Item[] =>
      problem
        ? [{ id, tone: "warn", title: home.groupProblem(name), details: [problem], action: "", link: { to: "/doors", text: home.links.doors } }]
        : [],
    ),
  );

const sources: Rules = ({ sources: all }, { home }) => {
  const link = { to: "/sources", text: home.links.sources };
  if (all.length === 0) return [{ id: "no-source", tone: "warn", title: home.noSource, details: [], action: home.noSourceAction, link }];
  return all.flatMap(({ id, name, problems }) =>
    problems.map(
      ({ kind, message, fixedBy }, at): Item => ({
        id: `${id}-${kind}-${at}`,
        tone: "bad",
        title: home.sourceProblem(name),
        details: [message],
        action: textFor(home.fixedBy, fixedBy),
        link,
      }),
    ),
  );
};

const held: Rules = ({ heldRevocationCauses: causes }, { home, common }) => {
  if (causes.length === 0) return [];
  const sum = (key: "count" | "memberCount") => causes.reduce((total, cause) => total + cause[key], 0);
  const isOutage = causes.some(({ outageSuspected }) => outageSuspected);
  return [
    {
      id: "held",
      tone: "warn",
      title: home.held(sum("count"), common.people(sum("memberCount"))),
      details: [],
      action: isOutage ? `${home.heldOutage} ${home.heldAction}` : home.heldAction,
      link: { to: "/revocations", text: home.links.revocations },
    },
  ];
};

const deliveries: Rules = ({ deliveries: { totalCount, nodes } }, { home }) => {
  if (totalCount === 0) return [];
  const [only] = nodes;
  return [
    {
      id: "failed",
      tone: "bad",
      title: home.failed(totalCount),
      details: nodes.map(({ source, eventType, problem }) => [source.name, eventType, problem].filter(Boolean).join(": ")),
      action: home.failedAction,
      link:
        totalCount === 1 && only
          ? { to: `/deliveries/${only.id}`, text: home.links.delivery }
          : { to: "/sources", text: home.links.sources },
    },
  ];
};

const rejections: Rules = ({ rejectedRequests }, { home }) => {
  // A row is an hour of a source, the latest first.
  const latest = rejectedRequests.filter((row, at) => rejectedRequests.findIndex(({ source }) => source.id === row.source.id) === at);
  return latest.map(({ source, last }) => {
    const rows = rejectedRequests.filter((row) => row.source.id === source.id);
    const total = rows.reduce((sum, { count }) => sum + count, 0);
    return {
      id: `rejected-${source.id}`,
      tone: "warn",
      title: home.rejected(total, source.name),
      details: [last.reason],
      action: home.rejectedAction,
      link: { to: "/sources", text: home.links.sources },
    };
  });
};

/** Everything that needs a person, the worst first. */
export function attentionItems(data: HomeQuery, texts: Texts): Item[] {
  const items = [accounts, held, sources, deliveries, groups, rejections].flatMap((rule) => rule(data, texts));
  return [...items.filter(({ tone }) => tone === "bad"), ...items.filter(({ tone }) => tone === "warn")];
}
