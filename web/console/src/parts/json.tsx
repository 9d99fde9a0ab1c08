// JSON for people to read: a value, or a text that should be JSON.
import { useTexts } from "../texts";

interface Props {
  /** What it is, for screen readers. */
  label: string;
}

/** The keyboard scrolls it, since a long line does not wrap. */
export function Json({ value, label }: Props & { value: unknown }) {
  return <Pre label={label} text={JSON.stringify(value, null, 2)} />;
}

export function JsonText({ text, label }: Props & { text: string }) {
  const { parts } = useTexts();
  const pretty = prettyJson(text);
  return (
    <>
      {pretty === null && <p class="quiet small">{parts.notJson}</p>}
      <Pre label={label} text={pretty ?? text} />
    </>
  );
}

function Pre({ text, label }: Props & { text: string }) {
  return (
    <pre class="json" tabIndex={0} role="group" aria-label={label}>
      <code>{text}</code>
    </pre>
  );
}

function prettyJson(text: string): string | null {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return null;
  }
}
