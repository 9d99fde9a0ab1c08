// The table of pages. A page is a folder with page.tsx, whose `Page` is given the parameters of its path, and one line here.
// The navigation has the pages with `nav`, in the order of this table.
import type { ComponentType } from "preact";
import type { ComponentChildren } from "preact";
import { Link, type Params, match } from "../router/router";
import { type Role, useViewer } from "../session/viewer";
import type { Texts } from "../texts";

export interface PageProps {
  params: Params;
}

export interface PageEntry {
  path: string;
  /** The key of its text and its icon in the navigation; a page below another one has none. */
  nav?: keyof Texts["nav"];
  roles: readonly Role[];
  load: () => Promise<{ Page: ComponentType<PageProps> }>;
}

export const STAFF: readonly Role[] = ["ADMIN", "APP", "DESK", "READER"];
export const ADMIN: readonly Role[] = ["ADMIN"];

export const PAGES: PageEntry[] = [
  { path: "/", nav: "home", roles: STAFF, load: () => import("./home/page") },
  { path: "/doors", nav: "doors", roles: STAFF, load: () => import("./doors/page") },
  { path: "/doors/:id", roles: STAFF, load: () => import("./door/page") },
  { path: "/setup", nav: "setup", roles: ADMIN, load: () => import("./setup/page") },
  { path: "/rules", nav: "rules", roles: STAFF, load: () => import("./rules/page") },
  { path: "/rules/new", roles: ADMIN, load: () => import("./rule/page") },
  { path: "/rules/:id", roles: STAFF, load: () => import("./rule/page") },
  { path: "/people", nav: "people", roles: STAFF, load: () => import("./people/page") },
  { path: "/people/:id", roles: STAFF, load: () => import("./person/page") },
  { path: "/revocations", nav: "revocations", roles: STAFF, load: () => import("./revocations/page") },
  { path: "/sources", nav: "sources", roles: STAFF, load: () => import("./sources/page") },
  { path: "/sources/new", roles: ADMIN, load: () => import("./sources/create") },
  { path: "/sources/:id", roles: STAFF, load: () => import("./source/page") },
  { path: "/sources/:id/mapping", roles: ADMIN, load: () => import("./source/mapping") },
  { path: "/deliveries", roles: STAFF, load: () => import("./delivery/list") },
  { path: "/deliveries/:id", roles: STAFF, load: () => import("./delivery/page") },
  { path: "/webhooks", nav: "webhooks", roles: ADMIN, load: () => import("./webhooks/page") },
  { path: "/webhooks/messages/:id", roles: ADMIN, load: () => import("./webhooks/message") },
  { path: "/tokens", nav: "tokens", roles: ADMIN, load: () => import("./tokens/page") },
  { path: "/history", nav: "history", roles: STAFF, load: () => import("./history/page") },
];

/** The page of a path that the role sees, with its parameters. Words in a pattern win over parameters. */
export function findPage(path: string, role: Role): { entry: PageEntry; params: Params } | null {
  const fits = PAGES.filter(({ roles }) => roles.includes(role)).flatMap((entry) => {
    const params = match(entry.path, path);
    return params ? [{ entry, params }] : [];
  });
  return fits.sort((a, b) => Object.keys(a.params).length - Object.keys(b.params).length)[0] ?? null;
}

interface PageLinkProps {
  /** Below /console, with a search if need be. */
  to: string;
  class?: string;
  /** Shown instead where the page is hidden from the role; by default nothing. */
  otherwise?: ComponentChildren;
  children: ComponentChildren;
}

/** A link to a page that the role may see; nothing where it does not. */
export function PageLink({ to, otherwise = null, ...props }: PageLinkProps) {
  const { role } = useViewer();
  const [path = "/"] = to.split("?");
  return findPage(path, role) ? <Link to={to} {...props} /> : <>{otherwise}</>;
}
