// What the editors need and GraphiQL does not set: long lines wrap, and screen readers hear what each editor is.
import { useEditorContext } from "@graphiql/react";
import { useEffect } from "react";

export function useEditorOptions() {
  const { queryEditor, variableEditor, responseEditor } = useEditorContext({ nonNull: true });

  useEffect(() => {
    queryEditor?.setOption("lineWrapping", true);
    queryEditor?.setOption("screenReaderLabel", "Query");
    variableEditor?.setOption("lineWrapping", true);
    variableEditor?.setOption("screenReaderLabel", "Variables");
    responseEditor?.setOption("screenReaderLabel", "Answer");
  }, [queryEditor, variableEditor, responseEditor]);
}
