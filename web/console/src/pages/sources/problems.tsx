// What is wrong with a source: what to do, and who can fix it.
import type { SourceListQuery } from "../../gql/graphql";
import { Notice, ServerText } from "../../parts/states";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";

export function Problems({ problems }: { problems: SourceListQuery["sources"][number]["problems"] }) {
  const { home, sources } = useTexts();
  const format = useFormat();
  return (
    <>
      {problems.map(({ kind, message, fixedBy, since }) => (
        <Notice key={kind + since} tone="bad">
          <p>
            <ServerText>{message}</ServerText>
          </p>
          <p class="quiet small">
            {textFor(home.fixedBy, fixedBy)} {`(${sources.since(format.time(since))})`}
          </p>
        </Notice>
      ))}
    </>
  );
}
