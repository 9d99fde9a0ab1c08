// The page: a header with operations and token, and GraphiQL below it.
import { DOC_EXPLORER_PLUGIN, DocExplorerContextProvider } from "@graphiql/plugin-doc-explorer";
import { HISTORY_PLUGIN, HistoryContextProvider } from "@graphiql/plugin-history";
import { GraphiQL, GraphiQLInterface, GraphiQLProvider } from "graphiql";
import { useMemo, useState } from "react";
import { makeFetcher } from "./fetcher";
import { OperationMenu } from "./operation-menu";
import { firstTabs } from "./operations";
import { TokenBox } from "./token-box";

const plugins = [DOC_EXPLORER_PLUGIN, HISTORY_PLUGIN];

export function Playground() {
  const [refusals, setRefusals] = useState(0);
  const fetcher = useMemo(() => makeFetcher(() => setRefusals((count) => count + 1)), []);

  // Variables can hold Kisi's key: what is typed is kept in sessionStorage and ends with the tab.
  return (
    <GraphiQLProvider
      fetcher={fetcher}
      storage={sessionStorage}
      plugins={plugins}
      referencePlugin={DOC_EXPLORER_PLUGIN}
      defaultTabs={firstTabs}
      defaultQuery=""
    >
      <HistoryContextProvider>
        <DocExplorerContextProvider>
          <header className="bar">
            <h1>Latchkey</h1>
            <OperationMenu />
            <TokenBox refusals={refusals} />
          </header>
          <main>
            <GraphiQLInterface isHeadersEditorEnabled={false} defaultEditorToolsVisibility="variables">
              <GraphiQL.Logo>{null}</GraphiQL.Logo>
            </GraphiQLInterface>
          </main>
        </DocExplorerContextProvider>
      </HistoryContextProvider>
    </GraphiQLProvider>
  );
}
