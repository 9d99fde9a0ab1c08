// A query that stays up to date: asked again after each change in the club, at most once a second.
import type { AnyVariables, TypedDocumentNode } from "@urql/core";
import { useClient } from "@urql/preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { type Failure, failureOf } from "./failure";
import { useChanges } from "./live";

const PAUSE_MS = 1000;

export interface LiveResult<Data> {
  /** The latest answer; it stays while a newer one is on its way or fails. */
  data?: Data;
  /** Why the latest request failed; absent once one succeeds. */
  failure?: Failure;
  isLoading: boolean;
  refetch: () => Promise<void>;
}

interface Options {
  /** Asks nothing while true. */
  pause?: boolean;
  /** Shows the answer for the former variables until the new one is there: for searches and pages of a list. */
  keepPrevious?: boolean;
}

interface State<Data> {
  key: string;
  data?: Data;
  failure?: Failure;
  isLoading: boolean;
}

export function useLive<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  { pause = false, keepPrevious = false }: Options = {},
): LiveResult<Data> {
  const client = useClient();
  const { listen } = useChanges();
  const key = JSON.stringify(variables);
  const [state, setState] = useState<State<Data>>({ key, isLoading: !pause });
  const latest = useRef(0);

  const refetch = useCallback(async () => {
    latest.current += 1;
    const request = latest.current;
    setState((before) => ({ ...before, isLoading: true }));
    const { data, error } = await client.query(document, JSON.parse(key) as Variables).toPromise();
    // A newer request was sent meanwhile, or the page is gone.
    if (request !== latest.current) return;
    setState((before) => ({
      key,
      data: data ?? (before.key === key ? before.data : undefined),
      failure: error && failureOf(error),
      isLoading: false,
    }));
  }, [client, document, key]);

  useEffect(() => {
    if (pause) return;
    void refetch();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = Date.now();
    const stop = listen(() => {
      if (timer !== undefined) return;
      timer = setTimeout(() => {
        timer = undefined;
        last = Date.now();
        void refetch();
      }, Math.max(0, last + PAUSE_MS - Date.now()));
    });
    return () => {
      stop();
      clearTimeout(timer);
      latest.current += 1;
    };
  }, [refetch, pause, listen]);

  const isCurrent = state.key === key;
  return {
    data: isCurrent || keepPrevious ? state.data : undefined,
    failure: isCurrent ? state.failure : undefined,
    isLoading: !pause && (state.isLoading || !isCurrent),
    refetch,
  };
}
