// A door that is open to the member now: its name, for how long, and the button.
import { useClient } from "@urql/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { DoorsQuery } from "../gql/graphql";
import { Time } from "../shared/parts";
import { type Outcome, press } from "./press";

export type OpenDoor = NonNullable<DoorsQuery["viewer"]["member"]>["doors"][number];

/** How long "opened" is shown: about as long as a lock stays released. */
const SHOWN_MS = 5_000;

export function Door({ door, zone, pressed }: { door: OpenDoor; zone: string; pressed: () => void }) {
  const client = useClient();
  const [state, setState] = useState<"idle" | "asking" | Outcome>("idle");
  const forget = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(forget.current), []);

  const { lock, until, remoteUnlockable } = door;
  const open = async () => {
    if (state === "asking") return;
    clearTimeout(forget.current);
    setState("asking");
    const outcome = await press(client, lock.id);
    setState(outcome);
    if (outcome.opened) forget.current = setTimeout(() => setState("idle"), SHOWN_MS);
    // A refusal can mean that the page shows what is over.
    else pressed();
  };

  const face = state === "idle" ? "idle" : state === "asking" ? "asking" : state.opened ? "opened" : "refused";
  const label = { idle: "Unlock", asking: "Unlocking…", opened: "Unlocked", refused: "Unlock" }[face];
  return (
    <li class="door" data-face={face}>
      <div class="door-words">
        <h3>{lock.name}</h3>
        <p>
          {until ? (
            <>
              until <Time at={until} zone={zone} />
            </>
          ) : (
            "open to you"
          )}
          {lock.place && ` · ${lock.place.name}`}
          {lock.online === false && <span class="mark bad">offline</span>}
        </p>
      </div>
      {remoteUnlockable ? (
        <button type="button" class="unlock" aria-disabled={state === "asking"} onClick={() => void open()}>
          <span class="face" aria-hidden="true" />
          {label}
          <span class="unseen"> {lock.name}</span>
        </button>
      ) : (
        <p class="hint">Hold your phone to the reader at the door: it does not open from here.</p>
      )}
      <p class="outcome" aria-live="polite">
        {face === "opened" && <span class="unseen">{lock.name} is unlocked.</span>}
        {typeof state === "object" && !state.opened && state.why}
      </p>
    </li>
  );
}
