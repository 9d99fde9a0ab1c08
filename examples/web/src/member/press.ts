// One press of an unlock button. The key is made once a press and goes with every try of it, so that a lost answer can be
// asked for again, and the door is not opened twice.
import type { Client } from "@urql/preact";
import { inWords } from "../shared/client";
import { Unlock } from "./operations";

export type Outcome = { opened: true } | { opened: false; why: string };

const TRIES = 3;
const PAUSE_MS = 800;

/** What became of a press, in words; never throws. */
export async function press(client: Client, lock: string): Promise<Outcome> {
  const key = crypto.randomUUID();
  for (let tried = 1; ; tried += 1) {
    const { data, error } = await client.mutation(Unlock, { lock, key }).toPromise();
    if (data) {
      const { unlocked, decision, userErrors } = data.unlock;
      if (unlocked) return { opened: true };
      const [refusal] = userErrors;
      // What the rules say is put for the member by the decision; all else, Kisi's refusals too, by the error.
      const byRules = refusal?.code === "ACCESS_DENIED" ? decision?.message : undefined;
      return { opened: false, why: byRules ?? refusal?.message ?? "The door did not open." };
    }
    const lost = error?.networkError && error.response?.status === undefined;
    if (!lost || tried === TRIES) return { opened: false, why: error ? inWords(error) : "No answer came." };
    await new Promise((done) => setTimeout(done, PAUSE_MS * tried));
  }
}
