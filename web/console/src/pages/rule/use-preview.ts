// The preview of a change of the rules, asked again once the change rests for a moment, and after each change in the club.
import { useClient } from "@urql/preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Failure, failureOf } from "../../api/failure";
import { useChanges } from "../../api/live";
import type { UserError } from "../../api/use-mutation";
import type { RuleChangeInput, RulePreviewQuery } from "../../gql/graphql";
import { useDebounced } from "../../parts/debounced";
import { RulePreview } from "./changes";
import { previewErrors } from "./errors";

export type Preview = RulePreviewQuery["previewRule"];

/** How many people are listed, and drawn in the chart. */
export const MOST_LISTED = 100;
const REST_MS = 400;
const PAUSE_MS = 2000;

export interface PreviewState {
  /** The latest one; it stays while a newer one is on its way. */
  preview?: Preview;
  /** Whether it is that of the present change. */
  isCurrent: boolean;
  /** Why there is none: mistakes in the change. */
  userErrors: UserError[];
  failure?: Failure;
  /** Asks now, before a change is made by it; by default again for the present change. */
  ask: (change?: RuleChangeInput) => Promise<Answer>;
}

export interface Answer {
  preview?: Preview;
  userErrors: UserError[];
  failure?: Failure;
}

/** Without a change, nothing is asked. */
export function usePreview(change: RuleChangeInput | null): PreviewState {
  const client = useClient();
  const { listen } = useChanges();
  const key = change && JSON.stringify(change);
  const settled = useDebounced(key, REST_MS);
  const [state, setState] = useState<Answer & { key: string | null }>({ key: null, userErrors: [] });
  const latest = useRef(0);

  const askFor = useCallback(
    async (text: string): Promise<Answer> => {
      latest.current += 1;
      const request = latest.current;
      const variables = { change: JSON.parse(text) as RuleChangeInput, first: MOST_LISTED };
      const { data, error } = await client.query(RulePreview, variables).toPromise();
      const userErrors = error ? previewErrors(error) : [];
      const failure = error && userErrors.length === 0 ? failureOf(error) : undefined;
      const answer: Answer = { preview: data?.previewRule, userErrors, failure };
      if (request === latest.current) setState({ ...answer, key: text });
      return answer;
    },
    [client],
  );

  useEffect(() => {
    if (!settled) return;
    void askFor(settled);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = listen(() => {
      timer ??= setTimeout(() => {
        timer = undefined;
        void askFor(settled);
      }, PAUSE_MS);
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [settled, askFor, listen]);

  useEffect(
    () => () => {
      latest.current += 1;
    },
    [],
  );

  const ask = async (now?: RuleChangeInput) => {
    const text = now ? JSON.stringify(now) : key;
    return text ? askFor(text) : { userErrors: [] };
  };
  if (!key) return { isCurrent: true, userErrors: [], ask };
  return { preview: state.preview, isCurrent: state.key === key, userErrors: state.userErrors, failure: state.failure, ask };
}

/** Of members, and of people whom somebody else let in in Kisi. */
export const lossCount = (preview: Preview) => preview.lossCount + preview.removedCount;

export const nameOfRemoved = ({ name, email }: { name: string; email: string }) => name || email || "–";
