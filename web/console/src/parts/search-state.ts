// Filters of a list in the address, so that a link or a reload keeps them.
import { navigate, useLocation } from "../router/router";

export interface SearchState {
  get: (key: string) => string;
  /** Sets several at once; an empty value removes its key. */
  set: (values: Record<string, string>) => void;
  isEmpty: boolean;
  clear: () => void;
}

export function useSearchState(): SearchState {
  const { path, search } = useLocation();
  const go = (next: URLSearchParams) => navigate(next.size > 0 ? `${path}?${next}` : path, { replace: true });
  return {
    get: (key) => search.get(key) ?? "",
    set: (values) => {
      const next = new URLSearchParams(search);
      for (const [key, value] of Object.entries(values)) {
        if (value) next.set(key, value);
        else next.delete(key);
      }
      go(next);
    },
    isEmpty: search.size === 0,
    clear: () => go(new URLSearchParams()),
  };
}
