// The page of the address: loads its module, and says so where there is none, or where it fails.
import { Component, type ComponentChildren, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type PageEntry, type PageProps, findPage } from "../pages";
import { Button } from "../parts/button";
import { PageHeader } from "../parts/page-header";
import { EmptyState, Loading, Notice } from "../parts/states";
import { Link, useLocation } from "../router/router";
import { useViewer } from "../session/viewer";
import { type Texts, useTexts } from "../texts";

export function CurrentPage() {
  const { path } = useLocation();
  const { role } = useViewer();
  const found = findPage(path, role);
  if (!found) return <NotFound />;
  return (
    <Guard key={path}>
      <LazyPage entry={found.entry} params={found.params} />
    </Guard>
  );
}

const loaded = new Map<PageEntry, ComponentType<PageProps>>();

function LazyPage({ entry, params }: { entry: PageEntry } & PageProps) {
  const [isFailed, setFailed] = useState(false);
  const [, setReady] = useState(0);
  const Page = loaded.get(entry);
  useEffect(() => {
    if (Page) return;
    entry.load().then(
      (module) => {
        loaded.set(entry, module.Page);
        setReady((count) => count + 1);
      },
      () => setFailed(true),
    );
  }, []);
  if (isFailed) return <Broken kind="page" />;
  return Page ? <Page params={params} /> : <Loading />;
}

/** Keeps an error of one page from the frame. */
class Guard extends Component<{ children: ComponentChildren }, { isBroken: boolean }> {
  override state = { isBroken: false };
  static override getDerivedStateFromError = () => ({ isBroken: true });
  override render() {
    return this.state.isBroken ? <Broken kind="crash" /> : this.props.children;
  }
}

function Broken({ kind }: { kind: keyof Pick<Texts["errors"], "page" | "crash"> }) {
  const { errors } = useTexts();
  return (
    <Notice tone="bad" title={errors[kind].title} role="alert">
      <p>{errors[kind].action}</p>
      <Button size="small" onClick={() => location.reload()}>
        {errors.reload}
      </Button>
    </Notice>
  );
}

function NotFound() {
  const { shell } = useTexts();
  return (
    <>
      <PageHeader title={shell.notFound.title} />
      <EmptyState title={shell.notFound.explanation} icon="search">
        <Link to="/">{shell.notFound.home}</Link>
      </EmptyState>
    </>
  );
}
