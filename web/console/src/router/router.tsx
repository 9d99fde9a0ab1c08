// Addresses under /console, by the history API. `to` is always a path below it, such as "/people/ID".
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

const BASE = "/console";

export interface Location {
  /** Below /console, without a slash at its end: "/" or "/people/ID". */
  path: string;
  search: URLSearchParams;
}

export type Params = Record<string, string>;

const listeners = new Set<() => void>();
let isFocusDue = false;

function currentLocation(): Location {
  const below = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  return { path: below.replace(/\/+$/, "") || "/", search: new URLSearchParams(location.search) };
}

/** The address for a link to `to`. */
export const addressOf = (to: string) => `${BASE}${to}`;

function moved(from: string) {
  if (currentLocation().path !== from) isFocusDue = true;
  for (const listener of listeners) listener();
}

/** Goes to another page, or changes the search of this one: `navigate("/people?search=ada")`. */
export function navigate(to: string, { replace = false } = {}) {
  const from = currentLocation().path;
  history[replace ? "replaceState" : "pushState"](null, "", addressOf(to));
  moved(from);
  if (currentLocation().path !== from) scrollTo(0, 0);
}

/** True once after each change of page: the new heading takes the focus then, so that a screen reader reads it. */
export function takeFocus(): boolean {
  const isDue = isFocusDue;
  isFocusDue = false;
  return isDue;
}

export function useLocation(): Location {
  const [current, setCurrent] = useState(currentLocation);
  useEffect(() => {
    let path = currentLocation().path;
    const update = () => {
      path = currentLocation().path;
      setCurrent(currentLocation());
    };
    const goneBack = () => moved(path);
    listeners.add(update);
    addEventListener("popstate", goneBack);
    return () => {
      listeners.delete(update);
      removeEventListener("popstate", goneBack);
    };
  }, []);
  return current;
}

/** The parameters of `path` by a pattern such as "/people/:id"; null if it does not match. */
export function match(pattern: string, path: string): Params | null {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  const params: Params = {};
  for (const [at, part] of wanted.entries()) {
    const value = given[at] ?? "";
    if (part.startsWith(":")) params[part.slice(1)] = decode(value);
    else if (part !== value) return null;
  }
  return params;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

interface LinkProps {
  to: string;
  class?: string;
  "aria-current"?: "page" | "true";
  /** Beside going there. */
  onClick?: () => void;
  children: ComponentChildren;
}

/** A link to a page of the console. For a page that may be missing or hidden, use PageLink of the pages' table. */
export function Link({ to, onClick, ...props }: LinkProps) {
  const click = (event: MouseEvent) => {
    const isOther = event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (isOther) return;
    event.preventDefault();
    onClick?.();
    navigate(to);
  };
  return <a {...props} href={addressOf(to)} onClick={click} />;
}
