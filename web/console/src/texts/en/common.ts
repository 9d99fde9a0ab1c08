// What the parts say, and words that several pages share.
import { count } from "./words";

export const common = {
  loading: "Loading…",
  retry: "Try again",
  close: "Close",
  cancel: "Cancel",
  save: "Save",
  required: "required",
  optional: "optional",
  always: "always",
  never: "never",
  none: "none",
  yes: "Yes",
  no: "No",
  unknown: "unknown",
  from: (when: string) => `from ${when}`,
  until: (when: string) => `until ${when}`,
  fromUntil: (from: string, until: string) => `${from} to ${until}`,
  showMore: "Show more",
  previous: "Previous",
  next: "Next",
  total: (value: number) => count(value, "entry", "entries"),
  openInPlayground: "Open in playground",
  playgroundHint: "Opens this page's query in a new tab, without running it",
  details: "Details",
  people: (value: number) => count(value, "person", "people"),
  correct: (value: number) => (value === 1 ? "Please correct this:" : "Please correct these points:"),
  nothingChanged: "Nothing was changed.",
  tone: { good: "All well", warn: "Attention", bad: "Problem", info: "Note" },
};

/** What went wrong with a request, and what to do; `Failure` in api/failure.ts has the kinds. */
export const errors = {
  network: { title: "The server does not answer", action: "Check your connection. The page tries again by itself once you are online." },
  forbidden: { title: "Your role does not permit this", action: "Ask an admin of the club to do it, or sign in with another token." },
  busy: { title: "The server is busy", action: "Wait a moment, and try again." },
  tooLarge: { title: "This is too much at once", action: "Narrow the search, or choose a shorter period." },
  request: { title: "The server did not accept the request", action: "Reload the page: the console may be older than the server." },
  internal: { title: "Something went wrong at the server", action: "Try again. If it stays, give the request number to the operator of this server." },
  page: { title: "The page could not be loaded", action: "The console may have been updated. Reload it." },
  crash: { title: "The page has an error", action: "Reload it. If it stays, tell the operator of this server what you did." },
  reload: "Reload",
  requestId: (id: string) => `Request number: ${id}`,
};
