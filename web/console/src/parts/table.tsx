// A table whose rows become blocks with labels on a phone.
import type { ComponentChildren } from "preact";

export interface Column<Row> {
  /** The heading; empty for a column of buttons. */
  header: string;
  cell: (row: Row) => ComponentChildren;
  align?: "end";
}

interface Props<Row> {
  /** What the table lists, for screen readers. */
  caption: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}

// The roles are those of the elements; as blocks, browsers would take them away.
export function Table<Row>({ caption, columns, rows, keyOf }: Props<Row>) {
  return (
    <div class="table-box">
      <table class="stacking" role="table">
        <caption class="unseen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ header, align }) => (
              <th key={header} scope="col" role="columnheader" data-align={align}>
                {header || <span class="unseen">…</span>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr key={keyOf(row)} role="row">
              {columns.map(({ header, cell, align }) => (
                <td key={header} role="cell" data-label={header} data-align={align}>
                  <div>{cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
