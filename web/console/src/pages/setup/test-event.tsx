// How to send a first event by hand, where the platform has no webhooks of its own.
import { CopyButton } from "../../parts/secret";
import { useTexts } from "../../texts";
import type { Source } from "./progress";

/** The script of docs/webhooks.md, for a source with the scheme of Standard Webhooks. */
function script(address: string, secret: string): string {
  return `export WEBHOOK_URL='${address}' SECRET='${secret}'
cat > event.json <<END
{"type": "membership.updated", "timestamp": "$(date -u +%Y-%m-%dT%H:%M:%SZ)", "data": {
  "id": "test-1", "plan": {"id": "test", "name": "Test membership"}, "status": "active",
  "member": {"id": "test-person", "email": "test.person@example.com", "name": "Test Person"}}}
END
id="evt-$(date +%s)"
timestamp=$(date +%s)
key=$(printf %s "\${SECRET#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \\n')
signature=$({ printf '%s.%s.' "$id" "$timestamp"; cat event.json; } \\
  | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | openssl base64 -A)
curl -sS "$WEBHOOK_URL" --data-binary @event.json -H 'content-type: application/json' \\
  -H "webhook-id: $id" -H "webhook-timestamp: $timestamp" -H "webhook-signature: v1,$signature"`;
}

export function TestEvent({ source, secret }: { source: Source; secret: string | null }) {
  const { setupSource: texts } = useTexts();
  const address = source.webhookUrl ?? new URL(source.webhookPath, location.origin).href;
  const isImported = source.platform === "EXERCISE_COM" || source.platform === "CLUBSPOT";
  const commands = script(address, secret ?? "whsec_…");
  return (
    <>
      {isImported && (
        <div class="stack tight">
          <p class="small">{texts.tryImport}</p>
          <pre tabIndex={0} aria-label={texts.tryImport}>
            <code>{`latchkey roster import --source ${source.id} --dry-run clients.csv\nlatchkey roster import --source ${source.id} clients.csv`}</code>
          </pre>
        </div>
      )}
      {source.signature === "STANDARD_WEBHOOKS" && (
        <details class="people">
          <summary>{texts.try}</summary>
          <div class="stack tight">
            <p class="quiet small">{texts.tryHint}</p>
            <pre tabIndex={0} aria-label={texts.script}>
              <code>{commands}</code>
            </pre>
            <div>
              <CopyButton text={commands} label={texts.script} />
            </div>
          </div>
        </details>
      )}
    </>
  );
}
