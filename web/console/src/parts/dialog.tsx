// Dialogs: the browser's own, which keeps the focus inside and closes by Escape; the focus returns to where it was.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { useTexts } from "../texts";
import { Button } from "./button";
import { Icon } from "./icon";

interface DialogProps {
  isOpen: boolean;
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  /** The buttons, the main one last. */
  actions?: ComponentChildren;
}

export function Dialog({ isOpen, ...props }: DialogProps) {
  return isOpen ? <OpenDialog {...props} /> : null;
}

function OpenDialog({ title, onClose, children, actions }: Omit<DialogProps, "isOpen">) {
  const { common } = useTexts();
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      dialog.current?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const cancel = (event: Event) => {
    // Its owner closes it, and so removes it.
    event.preventDefault();
    onClose();
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} onCancel={cancel}>
      <div class="dialog-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="button plain small" onClick={onClose}>
          <Icon name="close" />
          <span class="unseen">{common.close}</span>
        </button>
      </div>
      <div class="dialog-body">
        {children}
        {actions && <div class="dialog-foot">{actions}</div>}
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  isOpen: boolean;
  title: string;
  /** What will happen, to whom. */
  children: ComponentChildren;
  /** The verb of the button: "Revoke access". */
  confirm: string;
  isDanger?: boolean;
  isBusy?: boolean;
  onConfirm: () => unknown;
  onCancel: () => void;
}

export function Confirm({ isOpen, title, children, confirm, isDanger = false, isBusy, onConfirm, onCancel }: ConfirmProps) {
  const { common } = useTexts();
  return (
    <Dialog
      isOpen={isOpen}
      title={title}
      onClose={onCancel}
      actions={
        <>
          <Button onClick={onCancel}>{common.cancel}</Button>
          <Button variant={isDanger ? "danger" : "primary"} isBusy={isBusy} onClick={() => void onConfirm()}>
            {confirm}
          </Button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}
