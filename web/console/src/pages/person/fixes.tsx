// What would give a person access: what to do, who does it, and where.
import { PageLink } from "..";
import { Button } from "../../parts/button";
import { ServerText } from "../../parts/states";
import { useViewer } from "../../session/viewer";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import type { Opens } from "./actions";
import type { Explained } from "./explanation";

type Fix = Explained["fixes"][number];

interface Props {
  fixes: Fix[];
  target: string;
  isNow: boolean;
  opens: Opens;
}

export function Fixes({ fixes, target, isNow, opens }: Props) {
  const { personWhy } = useTexts();
  const { may } = useViewer();
  // A suspension overrides shares.
  const isSuspended = fixes.some(({ code }) => code === "SUSPENDED");
  return (
    <div>
      <h3>{personWhy.fixes}</h3>
      <ol class="fixes">
        {fixes.map((fix) => (
          <li key={fix.code + fix.message}>
            <OneFix fix={fix} target={target} opens={isNow ? opens : undefined} />
          </li>
        ))}
      </ol>
      {isNow && !isSuspended && may("shareAccess") && (
        <Button size="small" onClick={() => opens("share")}>
          {personWhy.links.share}
        </Button>
      )}
    </div>
  );
}

function OneFix({ fix, target, opens }: { fix: Fix; target: string; opens?: Opens }) {
  const { personWhy, access } = useTexts();
  const format = useFormat();
  const parties = format.list(fix.by.map((party) => textFor(access.parties, party)));
  const sources = [...new Map(fix.offerings.map(({ source }) => [source.id, source])).values()];
  return (
    <>
      <p>
        <ServerText>{fix.message}</ServerText>
      </p>
      <p class="quiet small">
        {personWhy.fixBy(parties)}
        {sources.length > 0 && ` · ${personWhy.atSource(format.list(sources.map(({ name }) => name)))}`}
      </p>
      <div class="row small">
        <FixLinks fix={fix} target={target} opens={opens} />
        {sources.map(({ id, name }) => (
          <PageLink key={id} to={`/sources/${id}`}>
            {personWhy.links.openSource(name)}
          </PageLink>
        ))}
      </div>
    </>
  );
}

/** Where the change is made, as far as it is made in the console. */
function FixLinks({ fix, target, opens }: { fix: Fix; target: string; opens?: Opens }) {
  const { personWhy } = useTexts();
  const { may } = useViewer();
  const { links } = personWhy;
  if (fix.code === "SUSPENDED") {
    return opens && may("resumeMember") ? (
      <Button size="small" onClick={() => opens("resume")}>
        {links.resume}
      </Button>
    ) : null;
  }
  if (fix.code === "NO_RULE") {
    return (
      <PageLink to={`/rules/new?target=${target}`} otherwise={<PageLink to="/rules">{links.rules}</PageLink>}>
        {links.newRule}
      </PageLink>
    );
  }
  return (
    <>
      {fix.rule && <PageLink to={`/rules/${fix.rule.id}`}>{links.rule}</PageLink>}
      {fix.by.includes("KISI_ADMIN") && <PageLink to={`/doors/${target}`}>{links.doors}</PageLink>}
      {fix.by.includes("PLATFORM") && fix.offerings.length === 0 && <PageLink to="/sources">{links.source}</PageLink>}
    </>
  );
}
