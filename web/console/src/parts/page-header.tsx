// The head of a page: title, what the page is for, its buttons, and its query for the playground.
import { type TypedDocumentNode, stringifyDocument } from "@urql/core";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Link, takeFocus } from "../router/router";
import { useViewer } from "../session/viewer";
import { useTexts } from "../texts";
import { Icon } from "./icon";

interface Props {
  title: string;
  /** One sentence on what the page is for. */
  lead?: ComponentChildren;
  /** The page above this one. */
  back?: { to: string; label: string };
  /** The page's main query with its variables. */
  query?: { document: TypedDocumentNode<any, any>; variables?: object };
  /** The page's buttons. */
  actions?: ComponentChildren;
}

export function PageHeader({ title, lead, back, query, actions }: Props) {
  const { club } = useViewer();
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · ${club.name} · Latchkey`;
  }, [title, club.name]);
  useEffect(() => {
    if (takeFocus()) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div class="page-header">
      <div>
        {back && (
          <Link to={back.to} class="back">
            <Icon name="back" size={15} />
            {back.label}
          </Link>
        )}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead && <p class="lead">{lead}</p>}
      </div>
      <div class="row">
        {query && <PlaygroundLink {...query} />}
        {actions}
      </div>
    </div>
  );
}

/** A link that opens a query in the playground, which does not run it. */
export function PlaygroundLink({ document, variables }: NonNullable<Props["query"]>) {
  const { common } = useTexts();
  const search = new URLSearchParams({ query: stringifyDocument(document) });
  if (variables && Object.keys(variables).length > 0) search.set("variables", JSON.stringify(variables, null, 2));
  // As the opener's tab, the new one has the token too.
  return (
    <a class="button plain small" href={`/?${search}`} target="_blank" rel="opener" title={common.playgroundHint}>
      <Icon name="external" size={16} />
      {common.openInPlayground}
    </a>
  );
}
