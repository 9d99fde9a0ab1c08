// What access is for: a group, a door, a place or a whole organization, by name and kind.
import { PageLink } from "../pages";
import { textFor, useTexts } from "../texts";

interface Target {
  __typename: "Group" | "Lock" | "Place" | "KisiAccount";
  id: string;
  name: string;
}

const PATHS: Partial<Record<Target["__typename"], string>> = { Group: "/doors", Lock: "/doors" };

/** Null means all doors, as for a suspension. */
export function Scope({ of: target }: { of: Target | null | undefined }) {
  const { parts } = useTexts();
  if (!target) return <>{parts.allDoors}</>;
  const path = PATHS[target.__typename];
  return (
    <>
      {path ? (
        <PageLink to={`${path}/${target.id}`} otherwise={target.name}>
          {target.name}
        </PageLink>
      ) : (
        target.name
      )}{" "}
      <span class="quiet small">({textFor(parts.kinds, target.__typename)})</span>
    </>
  );
}
