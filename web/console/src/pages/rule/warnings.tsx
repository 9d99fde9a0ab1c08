// Possible mistakes in the rules, those of the rule that is edited first.
import { PageLink } from "..";
import { Notice, ServerText } from "../../parts/states";
import { useTexts } from "../../texts";
import type { Preview } from "./use-preview";

type Warning = Preview["warnings"][number];

export function Warnings({ warnings, own }: { warnings: readonly Warning[]; own?: string }) {
  const { ruleEffect } = useTexts();
  const isOwn = ({ rule }: Warning) => !rule || rule.id === own;
  const here = warnings.filter(isOwn);
  const elsewhere = warnings.filter((warning) => !isOwn(warning));
  return (
    <>
      {here.length > 0 && (
        <Notice tone="warn" title={ruleEffect.warnings(here.length)}>
          <WarningList warnings={here} />
        </Notice>
      )}
      {elsewhere.length > 0 && (
        <details class="small">
          <summary>{ruleEffect.otherWarnings(elsewhere.length)}</summary>
          <WarningList warnings={elsewhere} />
        </details>
      )}
    </>
  );
}

function WarningList({ warnings }: { warnings: readonly Warning[] }) {
  return (
    <ul class="bullets">
      {warnings.map(({ code, message, rule }) => (
        <li key={code + (rule?.id ?? "")}>
          {rule && (
            <>
              <PageLink to={`/rules/${rule.id}`} otherwise={rule.name}>
                {rule.name}
              </PageLink>
              {": "}
            </>
          )}
          <ServerText>{message}</ServerText>
        </li>
      ))}
    </ul>
  );
}
