// A request whose answer may be lost on the way, asked again.
import type { CombinedError } from "@urql/core";

const TRIES = 3;
const PAUSE_MS = 800;

/** Whether no answer came, so that it is unknown what became of the request. */
export const isLost = (error?: CombinedError) => Boolean(error?.networkError && error.response?.status === undefined);

/** Asks up to three times while the answer is lost; the last result. What is asked must be safe to ask again, such as by a key. */
export async function askUntilAnswered<R extends { error?: CombinedError }>(ask: () => Promise<R>): Promise<R> {
  for (let tried = 1; ; tried += 1) {
    const result = await ask();
    if (!isLost(result.error) || tried === TRIES) return result;
    await new Promise((done) => setTimeout(done, PAUSE_MS * tried));
  }
}
