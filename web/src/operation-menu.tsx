// The ready-made operations by what an admin wants to do. Choosing one opens it in a tab, or shows the tab it is in.
import { useEditorContext } from "@graphiql/react";
import { useEditorOptions } from "./editor-options";
import { useLinkedQuery } from "./linked-query";
import { groups } from "./operations";
import { useTabRoles } from "./tab-roles";

export function OperationMenu() {
  const { tabs, moveTab, changeTab } = useEditorContext({ nonNull: true });
  useEditorOptions();
  useLinkedQuery();
  useTabRoles();

  const open = (name: string) => {
    const operation = groups.flatMap((group) => group.operations).find((one) => one.name === name);
    if (!operation) return;
    const at = tabs.findIndex((tab) => tab.operationName === name);
    if (at >= 0) return changeTab(at);
    const { query, variables } = operation;
    const tab = { query, variables, headers: null, operationName: name, response: null };
    moveTab([...tabs, { ...tab, title: name, id: `${name}-${Date.now()}`, hash: name }]);
    changeTab(tabs.length);
  };

  return (
    <select
      className="operations"
      aria-label="Ready-made operations"
      value=""
      onChange={(event) => open(event.target.value)}
    >
      <option value="" disabled>
        What would you like to do?
      </option>
      {groups.map(({ group, operations }) => (
        <optgroup key={group} label={group}>
          {operations.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </optgroup>
      ))}
    </select>
  );
}
