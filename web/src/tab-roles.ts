// GraphiQL marks each tab as one control with two buttons in it, which screen readers cannot reach. Here the tabs are a
// list of buttons, of which one is pressed.
import { useEffect } from "react";

const LIST = '.graphiql-tabs, [role="tablist"]';
const WATCHED = ["role", "aria-selected", "class"];

/** Sets an attribute only where it differs, so that the observer comes to rest. */
function set(element: Element | null, name: string, value: string) {
  if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
}

function mark(container: Element) {
  for (const list of container.querySelectorAll(LIST)) set(list, "role", "list");
  for (const tab of container.querySelectorAll(".graphiql-tab")) {
    set(tab, "role", "listitem");
    tab.removeAttribute("aria-selected");
    const isActive = tab.classList.contains("graphiql-tab-active");
    const button = tab.querySelector(".graphiql-tab-button");
    set(button, "aria-pressed", String(isActive));
    set(tab.querySelector(".graphiql-tab-close"), "aria-label", `Close ${button?.textContent ?? "tab"}`);
  }
  set(container.querySelector("#graphiql-session"), "role", "group");
}

export function useTabRoles() {
  useEffect(() => {
    const container = document.querySelector(".graphiql-container");
    if (!container) return;
    const observer = new MutationObserver(() => mark(container));
    observer.observe(container, { subtree: true, childList: true, attributes: true, attributeFilter: WATCHED });
    mark(container);
    return () => observer.disconnect();
  }, []);
}
