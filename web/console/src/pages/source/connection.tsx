// How a source is set up: its address, its signature, and how its API is read.
import { Card } from "../../parts/card";
import { CopyText } from "../../parts/secret";
import { textFor, useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import type { Source } from "./page";

export function Connection({ source }: { source: Source }) {
  const { source: texts, sources } = useTexts();
  const format = useFormat();
  const { webhookUrl, webhookPath, signature, timeZone, readEvery, platform, statusMappings, unknownStatuses } = source;
  return (
    <Card title={texts.connection}>
      <dl class="facts">
        <dt>{texts.address}</dt>
        <dd>
          <CopyText text={webhookUrl ?? webhookPath} label={texts.address} />
          {!webhookUrl && <p class="quiet small">{texts.addressPath}</p>}
        </dd>
        <dt>{texts.signature}</dt>
        <dd>{textFor(sources.signatures, signature)}</dd>
        <dt>{texts.timeZone}</dt>
        <dd>{timeZone}</dd>
        <dt>{sources.form.readEvery}</dt>
        <dd>{readEvery ? texts.readEvery(format.duration(readEvery)) : texts.noReading}</dd>
        {platform === "CLUBSPOT" && (
          <>
            <dt>{texts.primaryMembersOnly}</dt>
            <dd>{source.primaryMembersOnly ? texts.primaryOnly : texts.everyMember}</dd>
          </>
        )}
        {platform === "TEAMUP" && (
          <>
            <dt>{texts.checkIn}</dt>
            <dd>{source.checkIn ? texts.checkInOn : texts.checkInOff}</dd>
          </>
        )}
        {statusMappings.length > 0 && (
          <>
            <dt>{texts.statusMappings}</dt>
            <dd>{statusMappings.map(({ status, meaning }) => `${status}: ${textFor(texts.meanings, meaning)}`).join(", ")}</dd>
          </>
        )}
        {unknownStatuses.length > 0 && (
          <>
            <dt>{texts.unknownStatuses}</dt>
            <dd>{unknownStatuses.join(", ")}</dd>
          </>
        )}
      </dl>
    </Card>
  );
}
