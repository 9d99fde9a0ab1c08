// The history: everything that happened to access and to the set-up, live, with filters and a download.
import { useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { useDownload } from "../../parts/download";
import { PageHeader } from "../../parts/page-header";
import { Pager, usePager } from "../../parts/pager";
import { type SearchState, useSearchState } from "../../parts/search-state";
import { EmptyState, Loaded, Notice } from "../../parts/states";
import { useViewer } from "../../session/viewer";
import { useTexts } from "../../texts";
import { EventList } from "./events";
import { filterOf, periodOf } from "./filter";
import { Filters } from "./filters";
import { HistoryList } from "./operations";

export function Page() {
  const { history } = useTexts();
  const { club } = useViewer();
  const search = useSearchState();
  const pager = usePager(50);
  const filter = filterOf(search.get, club.timeZone);
  const orderBy = search.get("order") === "oldest" ? ("OLDEST_FIRST" as const) : ("NEWEST_FIRST" as const);
  const variables = { filter, orderBy, ...pager.variables };
  const result = useLive(HistoryList, variables, { keepPrevious: true });
  // Another filter starts on its first page.
  const filtered: SearchState = {
    ...search,
    set: (values) => {
      pager.reset();
      search.set(values);
    },
    clear: () => {
      pager.reset();
      search.clear();
    },
  };
  return (
    <>
      <PageHeader
        title={history.title}
        lead={history.lead}
        query={{ document: HistoryList, variables }}
        actions={<Download search={search} />}
      />
      <div class="stack">
        <Filters search={filtered} />
        <Loaded result={result}>
          {({ history: page }) => (
            <Card isFlush>
              {page.nodes.length === 0 ? (
                <EmptyState title={history.none} icon="search">
                  <p class="quiet">{history.noneDetail}</p>
                </EmptyState>
              ) : (
                <EventList events={page.nodes} />
              )}
              <Pager of={pager} page={page} />
            </Card>
          )}
        </Loaded>
      </div>
    </>
  );
}

function Download({ search: { get } }: { search: SearchState }) {
  const { history, parts } = useTexts();
  const { club } = useViewer();
  const download = useDownload();
  const [state, setState] = useState<"idle" | "busy" | "failed">("idle");
  const run = async () => {
    setState("busy");
    const period = Object.entries(periodOf(get, club.timeZone)).filter(([, value]) => value) as [string, string][];
    const query = new URLSearchParams(period);
    const member = get("member");
    if (member) query.set("member", member);
    const isDone = await download(`/export/history.csv?${query}`, `history-${new Date().toISOString().slice(0, 10)}.csv`);
    setState(isDone ? "idle" : "failed");
  };
  return (
    <>
      <span title={history.downloadHint}>
        <Button icon="sources" isBusy={state === "busy"} aria-describedby="download-hint" onClick={() => void run()}>
          {history.download}
        </Button>
        <span class="unseen" id="download-hint">
          {history.downloadHint}
        </span>
      </span>
      {state === "failed" && (
        <Notice tone="bad" title={parts.downloadFailed} role="alert">
          <p>{parts.downloadFailedAction}</p>
        </Notice>
      )}
    </>
  );
}
