// The frame around every page: bar, navigation, and who is signed in.
import { useLiveState } from "@shared/live";
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import icon from "../icon.svg";
import { PAGES, type PageEntry } from "../pages";
import { Button } from "../parts/button";
import { Icon } from "../parts/icon";
import { Link, useLocation } from "../router/router";
import { useSession } from "../session/session";
import { useViewer } from "../session/viewer";
import { textFor, useTexts } from "../texts";
import { useFormat } from "../texts/format";
import { Languages } from "./languages";

export function Frame({ children }: { children: ComponentChildren }) {
  const { shell } = useTexts();
  const { club } = useViewer();
  const { path } = useLocation();
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  useEffect(() => {
    const closeByEscape = ({ key }: KeyboardEvent) => key === "Escape" && setOpen(false);
    addEventListener("keydown", closeByEscape);
    return () => removeEventListener("keydown", closeByEscape);
  }, []);
  const skip = (event: Event) => {
    event.preventDefault();
    document.getElementById("content")?.focus();
  };
  return (
    <>
      <a class="skip" href="#content" onClick={skip}>
        {shell.skip}
      </a>
      <header class="bar">
        <button type="button" class="button small menu-button" aria-expanded={isOpen} aria-controls="side" onClick={() => setOpen(!isOpen)}>
          <Icon name={isOpen ? "close" : "menu"} />
          {shell.menu}
        </button>
        <Link to="/" class="brand">
          <img src={icon} alt="" />
          <span>{club.name}</span>
        </Link>
        <LiveState />
      </header>
      <div class="frame">
        <div class="side" id="side" data-open={isOpen}>
          <Navigation path={path} close={() => setOpen(false)} />
          <SignedIn />
        </div>
        {/* On a phone, the open menu covers the page. */}
        <main class="page" id="content" tabIndex={-1} inert={isOpen}>
          {children}
        </main>
      </div>
    </>
  );
}

function LiveState() {
  const { shell } = useTexts();
  const live = useLiveState();
  return (
    <span class="live" data-state={live} role="status">
      {shell.live[live]}
    </span>
  );
}

const isCurrent = ({ path: own }: PageEntry, path: string) => own === path || (own !== "/" && path.startsWith(`${own}/`));

function Navigation({ path, close }: { path: string; close: () => void }) {
  const { shell, nav } = useTexts();
  const { role } = useViewer();
  const entries = PAGES.filter((entry) => entry.nav && entry.roles.includes(role));
  return (
    <nav aria-label={shell.navigation}>
      <ul>
        {entries.map((entry) => (
          <li key={entry.path}>
            <Link to={entry.path} onClick={close} aria-current={entry.path === path ? "page" : isCurrent(entry, path) ? "true" : undefined}>
              {entry.nav && <Icon name={entry.nav} />}
              {entry.nav && nav[entry.nav]}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function SignedIn() {
  const { shell } = useTexts();
  const { role, name, expiresAt } = useViewer();
  const { by, signOut } = useSession();
  const format = useFormat();
  return (
    <section class="side-foot" aria-label={shell.account}>
      <p>
        <span class="quiet">{shell.signedInAs}</span>
        <strong>{name ?? shell.singleSignOn}</strong>
        <span class="quiet">
          {textFor(shell.roles, role)}
          {by === "session" && name && ` · ${shell.singleSignOn}`}
          {expiresAt && ` · ${shell.until(format.time(expiresAt))}`}
        </span>
      </p>
      <Languages />
      <Button size="small" onClick={signOut}>
        {shell.signOut}
      </Button>
    </section>
  );
}
