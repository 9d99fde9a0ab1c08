// Short messages about what was done. Errors stay beside what caused them, and are no toasts.
import { type ComponentChildren, createContext } from "preact";
import { useCallback, useContext, useRef, useState } from "preact/hooks";
import { useTexts } from "../texts";
import { Icon } from "./icon";

const SHOWN_MS = 8000;

const ToastContext = createContext<(message: string) => void>(() => {});

/** Says that something was done: `const toast = useToast(); toast("The rule is saved.")`. */
export const useToast = () => useContext(ToastContext);

export function ToastProvider({ children }: { children: ComponentChildren }) {
  const { common } = useTexts();
  const [toasts, setToasts] = useState<{ id: number; message: string }[]>([]);
  const counter = useRef(0);
  const remove = (id: number) => setToasts((all) => all.filter((one) => one.id !== id));
  const add = useCallback((message: string) => {
    counter.current += 1;
    const id = counter.current;
    setToasts((all) => [...all.slice(-2), { id, message }]);
    setTimeout(() => remove(id), SHOWN_MS);
  }, []);
  return (
    <ToastContext.Provider value={add}>
      {children}
      <div class="toasts" role="status" aria-live="polite">
        {toasts.map(({ id, message }) => (
          <div key={id} class="toast" data-tone="good">
            <Icon name="good" />
            <span>{message}</span>
            <button type="button" class="button plain small" onClick={() => remove(id)}>
              <Icon name="close" size={15} />
              <span class="unseen">{common.close}</span>
            </button>
          </div>
        ))}
      </div>
    </ToastContext.Provider>
  );
}
