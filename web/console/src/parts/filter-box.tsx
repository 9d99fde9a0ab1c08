// The filters of a list. On a phone they open on request, so that the list is seen first.
import type { ComponentChildren } from "preact";
import { useTexts } from "../texts";
import { Button } from "./button";
import type { SearchState } from "./search-state";

interface Props {
  search: SearchState;
  /** Below the grid of fields. */
  more?: ComponentChildren;
  children: ComponentChildren;
}

const isWide = () => matchMedia("(min-width: 40rem)").matches;

export function FilterBox({ search, more, children }: Props) {
  const { parts } = useTexts();
  return (
    <search aria-label={parts.filters}>
      <details class="filter-box" open={isWide() || !search.isEmpty}>
        <summary>{parts.filters}</summary>
        <div class="stack tight">
          <div class="filter-grid">{children}</div>
          {more}
          {!search.isEmpty && (
            <div>
              <Button size="small" variant="plain" onClick={() => search.clear()}>
                {parts.clearFilters}
              </Button>
            </div>
          )}
        </div>
      </details>
    </search>
  );
}
