// The tokens by role, with what each role may do.
import { useState } from "preact/hooks";
import { useLive } from "../../api/use-live";
import type { TokenListQuery } from "../../gql/graphql";
import { Badge } from "../../parts/badge";
import { Button } from "../../parts/button";
import { Card } from "../../parts/card";
import { PageHeader } from "../../parts/page-header";
import { Loaded } from "../../parts/states";
import { type Column, Table } from "../../parts/table";
import { type Role, useViewer } from "../../session/viewer";
import { textFor, useTexts } from "../../texts";
import { Time, useFormat } from "../../texts/format";
import { CreateDialog } from "./create";
import { TokenList } from "./operations";
import { RevokeDialog } from "./revoke";

export type Token = TokenListQuery["tokens"]["nodes"][number];

export const ROLES: Role[] = ["ADMIN", "DESK", "READER", "APP"];

export function Page() {
  const { tokens } = useTexts();
  const result = useLive(TokenList, {});
  const [isCreating, setCreating] = useState(false);
  return (
    <>
      <PageHeader
        title={tokens.title}
        lead={tokens.lead}
        query={{ document: TokenList }}
        actions={
          <Button variant="primary" icon="add" onClick={() => setCreating(true)}>
            {tokens.create}
          </Button>
        }
      />
      <Loaded result={result}>
        {({ tokens: { nodes } }) => (
          <div class="stack">
            {ROLES.map((role) => (
              <RoleCard key={role} role={role} tokens={nodes.filter((token) => token.role === role)} changed={result.refetch} />
            ))}
          </div>
        )}
      </Loaded>
      {isCreating && <CreateDialog close={() => setCreating(false)} changed={result.refetch} />}
    </>
  );
}

interface RoleProps {
  role: Role;
  tokens: Token[];
  changed: () => unknown;
}

const isOver = ({ expiresAt }: Token) => Boolean(expiresAt && Date.parse(expiresAt) < Date.now());

function RoleCard({ role, tokens: all, changed }: RoleProps) {
  const { tokens, shell } = useTexts();
  const [revoking, setRevoking] = useState<Token>();
  const valid = all.filter((token) => !isOver(token));
  return (
    <Card isFlush title={textFor(shell.roles, role)} actions={<span class="quiet small">{tokens.roleCount(all.length)}</span>}>
      <p class="rows-empty quiet">{textFor(tokens.may, role)}</p>
      {all.length === 0 ? (
        <p class="rows-empty">{tokens.noneOfRole}</p>
      ) : (
        <Table caption={textFor(shell.roles, role)} rows={all} keyOf={({ name }) => name} columns={useColumns(setRevoking)} />
      )}
      {revoking && (
        <RevokeDialog
          token={revoking}
          isLastAdmin={role === "ADMIN" && valid.length === 1 && valid[0]?.name === revoking.name}
          close={() => setRevoking(undefined)}
          changed={changed}
        />
      )}
    </Card>
  );
}

function useColumns(revoke: (token: Token) => void): Column<Token>[] {
  const { tokens, common } = useTexts();
  const { name: ownName } = useViewer();
  const format = useFormat();
  return [
    {
      header: tokens.name,
      cell: ({ name }) => (
        <span class="row">
          <strong>{name}</strong>
          {name === ownName && <Badge tone="info">{tokens.own}</Badge>}
        </span>
      ),
    },
    { header: tokens.created, cell: ({ createdAt }) => <Time at={createdAt} /> },
    {
      header: tokens.expires,
      cell: (token) => {
        if (!token.expiresAt) return common.never;
        return isOver(token) ? <Badge tone="warn">{tokens.expired}</Badge> : <span title={format.exact(token.expiresAt)}>{format.date(token.expiresAt)}</span>;
      },
    },
    {
      header: "",
      align: "end",
      cell: (token) => (
        <Button size="small" variant="danger" onClick={() => revoke(token)}>
          {tokens.revoke}
          <span class="unseen">: {token.name}</span>
        </Button>
      ),
    },
  ];
}
