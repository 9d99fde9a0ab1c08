// Keeps unsaved changes: asks before another page of the console, and has the browser ask before it leaves the console.
import { useEffect, useRef, useState } from "preact/hooks";
import { Confirm } from "../../parts/dialog";
import { useTexts } from "../../texts";

type Way = { to: string } | "back";

export function LeaveGuard({ isActive }: { isActive: boolean }) {
  const { rule } = useTexts();
  const [way, setWay] = useState<Way | null>(null);
  const isOn = useRef(isActive);
  isOn.current = isActive;
  useLinks(isActive, setWay);
  useBack(isActive, isOn, () => setWay("back"));
  const leave = () => {
    isOn.current = false;
    setWay(null);
    // The entry that `useBack` added, and that of the page.
    if (way === "back" || !way) history.go(-2);
    else clickThrough(way.to);
  };
  return (
    <Confirm isOpen={way !== null} title={rule.guardTitle} confirm={rule.leave} isDanger onConfirm={leave} onCancel={() => setWay(null)}>
      <p>{rule.guard}</p>
    </Confirm>
  );
}

/** Links to other pages, and leaving the console. */
function useLinks(isActive: boolean, ask: (way: Way) => void) {
  useEffect(() => {
    if (!isActive) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    const follow = (event: MouseEvent) => {
      const link = event.target instanceof Element ? event.target.closest("a") : null;
      const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
      if (!link || !isPlain || link.target || new URL(link.href).pathname === location.pathname) return;
      event.preventDefault();
      event.stopPropagation();
      ask({ to: link.href });
    };
    addEventListener("beforeunload", warn);
    document.addEventListener("click", follow, true);
    return () => {
      removeEventListener("beforeunload", warn);
      document.removeEventListener("click", follow, true);
    };
  }, [isActive]);
}

/**
 * The browser's Back. It cannot be stopped, so the first change adds an entry with the address of the page: going back from it
 * stays on the page.
 */
function useBack(isActive: boolean, isOn: { current: boolean }, ask: () => void) {
  const [isAdded, setAdded] = useState(false);
  useEffect(() => {
    if (!isActive || isAdded) return;
    history.pushState({ isGuard: true }, "");
    setAdded(true);
  }, [isActive, isAdded]);
  useEffect(() => {
    if (!isAdded) return;
    const here = location.href;
    const back = () => {
      if (location.href !== here || history.state?.isGuard) return;
      if (!isOn.current) return history.back();
      history.pushState({ isGuard: true }, "");
      ask();
    };
    addEventListener("popstate", back);
    return () => removeEventListener("popstate", back);
  }, [isAdded]);
}

/** Follows a link of the console as the router does: by the history, and told by an event. */
function clickThrough(address: string) {
  history.pushState(null, "", address);
  dispatchEvent(new PopStateEvent("popstate"));
  scrollTo(0, 0);
}
