// Paging through a connection: `pager.variables` goes into the query, `<Pager of={pager} page={data.members} />` below the list.
import { useState } from "preact/hooks";
import { useFormat } from "../texts/format";
import { useTexts } from "../texts";
import { Button } from "./button";

interface Connection {
  totalCount?: number;
  pageInfo: { hasNextPage: boolean; endCursor?: string | null };
}

export interface PagerState {
  variables: { first: number; after: string | null };
  /** The cursors of the pages before this one. */
  cursors: (string | null)[];
  setCursors: (cursors: (string | null)[]) => void;
  /** To the first page again, such as after a new search. */
  reset: () => void;
}

export function usePager(first = 50): PagerState {
  const [cursors, setCursors] = useState<(string | null)[]>([]);
  return { variables: { first, after: cursors.at(-1) ?? null }, cursors, setCursors, reset: () => setCursors([]) };
}

export function Pager({ of: { cursors, setCursors }, page }: { of: PagerState; page: Connection }) {
  const { common } = useTexts();
  const format = useFormat();
  const { hasNextPage, endCursor } = page.pageInfo;
  if (!hasNextPage && cursors.length === 0) return null;
  return (
    <div class="pager">
      <span class="quiet small">{page.totalCount !== undefined && common.total(page.totalCount)}</span>
      <div class="row">
        <Button size="small" icon="back" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
          {common.previous}
        </Button>
        <span class="number">{format.number(cursors.length + 1)}</span>
        <Button size="small" icon="next" disabled={!hasNextPage} onClick={() => setCursors([...cursors, endCursor ?? null])}>
          {common.next}
        </Button>
      </div>
    </div>
  );
}
