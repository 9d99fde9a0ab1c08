import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

interface Props {
  title?: ComponentChildren;
  /** Buttons or a badge at the end of the heading's line. */
  actions?: ComponentChildren;
  /** Without a margin around the content: for a table. */
  isFlush?: boolean;
  children: ComponentChildren;
}

/** A part of a page; with a title, a region that screen readers list. */
export function Card({ title, actions, isFlush = false, children }: Props) {
  const id = useId();
  return (
    <section class={isFlush ? "card flush" : "card"} aria-labelledby={title ? id : undefined}>
      {(title || actions) && (
        <div class="card-head">
          {title && <h2 id={id}>{title}</h2>}
          {actions}
        </div>
      )}
      <div class="card-body">{children}</div>
    </section>
  );
}
