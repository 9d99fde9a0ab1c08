// One unlock request for a person. The key is made once a request and goes with each retry of it, so that an answer that was
// lost can be asked for again, and the door is not opened twice.
import { askUntilAnswered, isLost } from "@shared/retry";
import type { Client } from "@urql/core";
import { failureOf } from "../../api/failure";
import { UnlockFor } from "./mutations";

export type Outcome =
  | { kind: "unlocked" }
  /** The server's reason, in English. */
  | { kind: "refused"; reason: string; code?: string }
  | { kind: "unknown" };

/** What became of the request; never throws. */
export async function requestUnlock(client: Client, member: string, lock: string): Promise<Outcome> {
  const key = crypto.randomUUID();
  const ask = () => client.mutation(UnlockFor, { member, lock, key }).toPromise();
  const { data, error } = await askUntilAnswered(ask);
  if (data) {
    const { unlocked, decision, userErrors } = data.unlock;
    if (unlocked) return { kind: "unlocked" };
    const [refusal] = userErrors;
    const byRules = refusal?.code === "ACCESS_DENIED" ? decision?.message : undefined;
    return { kind: "refused", reason: byRules ?? refusal?.message ?? "", code: decision?.code };
  }
  if (!error || isLost(error)) return { kind: "unknown" };
  return { kind: "refused", reason: failureOf(error).detail ?? error.message };
}
