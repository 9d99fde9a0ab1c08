// One press of an unlock button. The key is made once a press and goes with every try of it, so that a lost answer can be
// asked for again, and the door is not opened twice.
import type { Client } from "@urql/preact";
import { inWords } from "../shared/client";
import { askUntilAnswered } from "../shared/retry";
import { Unlock } from "./operations";

export type Outcome = { opened: true } | { opened: false; why: string };

/** What became of a press, in words; never throws. */
export async function press(client: Client, lock: string): Promise<Outcome> {
  const key = crypto.randomUUID();
  const { data, error } = await askUntilAnswered(() => client.mutation(Unlock, { lock, key }).toPromise());
  if (!data) return { opened: false, why: error ? inWords(error) : "No answer came." };
  const { unlocked, decision, userErrors } = data.unlock;
  if (unlocked) return { opened: true };
  const [refusal] = userErrors;
  // What the rules say is put for the member by the decision; all else, Kisi's refusals too, by the error.
  const byRules = refusal?.code === "ACCESS_DENIED" ? decision?.message : undefined;
  return { opened: false, why: byRules ?? refusal?.message ?? "The door did not open." };
}
