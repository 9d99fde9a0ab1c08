// A mutation with its user errors: those of a field beside the field, all of them in a summary (ErrorSummary of the parts).
import type { AnyVariables, TypedDocumentNode } from "@urql/core";
import { useClient } from "@urql/preact";
import { useRef, useState } from "preact/hooks";
import { type Failure, failureOf } from "./failure";

export interface UserError {
  code: string;
  message: string;
  field?: string[] | null;
}

interface Payload {
  userErrors: UserError[];
}

/** What the one field of a mutation returns. */
type PayloadOf<Data> = NonNullable<Data[keyof Omit<Data, "__typename">]>;

export interface MutationState<Data, Variables> {
  /** The payload on success; null if the server refused it or did not answer, which `userErrors` and `failure` tell. */
  run: (variables: Variables) => Promise<PayloadOf<Data> | null>;
  isBusy: boolean;
  userErrors: UserError[];
  failure?: Failure;
  /** The message for a field by its path without "input": `fieldError("name")`, `fieldError("brake.people")`. */
  fieldError: (path: string) => string | undefined;
  /** Forgets the errors, such as when a dialog closes. */
  reset: () => void;
}

const pathOf = ({ field }: UserError) => (field ?? []).join(".").replace(/^input\./, "");

/** `document` is one mutation field that selects `userErrors { code message field }`. */
export function useMutationWithErrors<Data, Variables extends AnyVariables>(
  document: TypedDocumentNode<Data, Variables>,
): MutationState<Data, Variables> {
  const client = useClient();
  const [userErrors, setUserErrors] = useState<UserError[]>([]);
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(false);
  // A second press comes before the first one has rendered.
  const running = useRef(false);

  const reset = () => {
    setUserErrors([]);
    setFailure(undefined);
  };
  const run = async (variables: Variables) => {
    if (running.current) return null;
    running.current = true;
    setBusy(true);
    const { data, error } = await client.mutation(document, variables).toPromise();
    running.current = false;
    setBusy(false);
    const payload = Object.values(data ?? {}).find((value) => typeof value === "object" && value) as
      | (Payload & PayloadOf<Data>)
      | undefined;
    setFailure(error && failureOf(error));
    setUserErrors(payload?.userErrors ?? []);
    if (error || !payload || payload.userErrors.length > 0) return null;
    return payload;
  };
  const fieldError = (path: string) => userErrors.find((one) => pathOf(one) === path)?.message;
  return { run, isBusy, userErrors, failure, fieldError, reset };
}
