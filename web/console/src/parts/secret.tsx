// A secret that the server shows only once, and the button that copies a text.
import { useRef, useState } from "preact/hooks";
import { useTexts } from "../texts";
import { Button } from "./button";
import { Notice } from "./states";

const SHOWN_MS = 4000;

interface CopyProps {
  text: string;
  /** What is copied, for screen readers. */
  label: string;
}

export function CopyButton({ text, label }: CopyProps) {
  const { parts } = useTexts();
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    if (!(await copyText(text))) return;
    setCopied(true);
    setTimeout(() => setCopied(false), SHOWN_MS);
  };
  return (
    <>
      <Button size="small" icon={isCopied ? "good" : "copy"} onClick={() => void copy()}>
        {isCopied ? parts.copied : parts.copy}
        <span class="unseen">: {label}</span>
      </Button>
      <span class="unseen" role="status">
        {isCopied && parts.copied}
      </span>
    </>
  );
}

/** Pages that are not served over https have no clipboard; then the old command does it. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    // Inside an open dialog, since the rest of the page cannot take the focus.
    const focused = document.activeElement;
    (focused?.closest("dialog") ?? document.body).append(area);
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return isDone;
  }
}

/** A text to take elsewhere, such as an address, with its button. */
export function CopyText({ text, label }: CopyProps) {
  return (
    <div class="copy-text">
      <code>{text}</code>
      <CopyButton text={text} label={label} />
    </div>
  );
}

/** A token or a secret right after it was made. */
export function SecretOnce({ label, secret }: { label: string; secret: string }) {
  const { parts } = useTexts();
  const field = useRef<HTMLInputElement>(null);
  return (
    <div class="stack tight">
      <Notice tone="warn" title={parts.shownOnce} />
      <div class="copy-text">
        <input ref={field} class="secret" readOnly aria-label={label} value={secret} onFocus={() => field.current?.select()} />
        <CopyButton text={secret} label={label} />
      </div>
    </div>
  );
}
