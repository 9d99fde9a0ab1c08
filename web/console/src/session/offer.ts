// What the server offers beside tokens: sign-in by the company's own identity provider, with a session cookie.
import { type Credentials, bearer } from "@shared/client";

const CSRF_HEADER = "x-latchkey-csrf";

/** The answer of GET /console/session. */
export interface SessionOffer {
  /** The address that starts the sign-in. */
  signIn: string;
  /** What the club calls it. */
  name: string;
  signedIn: boolean;
  /** Present with a session: every request repeats it. */
  csrf?: string;
}

/** Null where the server offers tokens alone. */
export async function readOffer(): Promise<SessionOffer | null> {
  try {
    const response = await fetch("/console/session", {
      headers: { accept: "application/json" },
      credentials: "same-origin",
      cache: "no-store",
    });
    const isJson = response.headers.get("content-type")?.includes("json");
    return response.ok && isJson ? ((await response.json()) as SessionOffer) : null;
  } catch {
    return null;
  }
}

/** Who makes the requests: the holder of a token, or of a session whose cookie the browser sends. */
export type Holder = { by: "token"; token: string } | { by: "session"; csrf: string };

export function credentialsOf(holder: Holder): Credentials {
  if (holder.by === "token") return bearer(holder.token);
  return { headers: { [CSRF_HEADER]: holder.csrf }, socket: { csrf: holder.csrf } };
}

/** Ends the session at the server; false if that did not answer. */
export async function endSession(csrf: string): Promise<boolean> {
  try {
    const init: RequestInit = { method: "POST", headers: { [CSRF_HEADER]: csrf }, credentials: "same-origin" };
    return (await fetch("/console/sign-out", init)).ok;
  } catch {
    return false;
  }
}

export type TokenCheck = "good" | "refused" | "member" | "unreachable";

/** Whether the server takes a token, before it is kept. */
export async function checkToken(token: string): Promise<TokenCheck> {
  // What is no token at all cannot be sent in a header.
  if (!/^[\x21-\x7e]+$/.test(token)) return "refused";
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      headers: { ...bearer(token).headers, "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ query: "{ viewer { role } }" }),
    });
    if (response.status === 401) return "refused";
    const { data } = await response.json();
    if (!data) return "unreachable";
    return data.viewer.role === "MEMBER" ? "member" : "good";
  } catch {
    return "unreachable";
  }
}
