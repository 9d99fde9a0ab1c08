// Sends a test to an endpoint, and tells what its first attempt gave.
import { useEffect, useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import { useMutationWithErrors } from "../../api/use-mutation";
import { Button } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { ErrorBox, ErrorSummary, Loading, Notice, ServerText } from "../../parts/states";
import { useTexts } from "../../texts";
import { useFormat } from "../../texts/format";
import type { DialogProps } from "./confirm";
import { isMessage } from "./message";
import { OneMessage, SendTest } from "./operations";
import { tookText } from "./took";

const EVERY_MS = 700;

export function TestDialog({ endpoint: { id, name, status }, changed, close }: DialogProps) {
  const { webhooks, common } = useTexts();
  const send = useMutationWithErrors(SendTest);
  const [message, setMessage] = useState<string>();
  useEffect(() => {
    void send.run({ endpoint: id }).then((payload) => {
      setMessage(payload?.message?.id);
      changed();
    });
  }, []);
  return (
    <Dialog isOpen title={webhooks.testTitle(name)} onClose={close} actions={<Button onClick={close}>{common.close}</Button>}>
      <ErrorSummary of={send} />
      <div aria-live="polite">{message && <Outcome id={message} isPaused={status !== "ACTIVE"} />}</div>
      {send.isBusy && <Loading />}
    </Dialog>
  );
}

function Outcome({ id, isPaused }: { id: string; isPaused: boolean }) {
  const { webhooks, webhookMessage } = useTexts();
  const format = useFormat();
  const { data, failure, refetch } = useLive(OneMessage, { id });
  const message = isMessage(data?.node) ? data.node : undefined;
  const attempt = message?.attempts.at(-1);
  const isWaiting = !attempt && message?.status !== "CANCELLED";
  // An attempt has no event of its own.
  useEffect(() => {
    if (!isWaiting || isPaused) return;
    const timer = setInterval(() => void refetch(), EVERY_MS);
    return () => clearInterval(timer);
  }, [isWaiting, isPaused, refetch]);
  if (failure) return <ErrorBox failure={failure} retry={refetch} />;
  if (isPaused && isWaiting) return <Notice tone="info" title={webhooks.testPaused} />;
  if (!attempt) return <p class="loading">{webhooks.testWaiting}</p>;
  if (!attempt.problem) return <Notice tone="good" title={webhooks.testGood(String(attempt.statusCode), tookText(attempt.duration, format.locale))} />;
  return (
    <Notice tone="bad" title={webhooks.testBad}>
      <p>
        <ServerText>{attempt.problem}</ServerText>
      </p>
      <p>{attempt.statusCode ? webhookMessage.status(attempt.statusCode) : webhookMessage.noResponse}</p>
      {attempt.response && <code>{attempt.response}</code>}
    </Notice>
  );
}
