// The part of a front end that runs on its own server: it holds the APP token, which no browser ever sees, and hands a
// member session to somebody who has logged in.
//
// Here it is a few lines beside Vite, for development on one machine: it believes the e-mail that it is given. In your
// application the e-mail or the member's id comes from your own log-in, never from the request.

/** Asks Latchkey with the server's token; the data, or an error in words. */
async function ask({ latchkey, token }, query, variables) {
  const response = await fetch(new URL("/graphql", latchkey), {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  if (response.status === 401) throw new Error("Latchkey refuses LATCHKEY_TOKEN: is it an APP token of this club?");
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors[0].message);
  return data;
}

/**
 * Opens a session of an hour for the member who has this e-mail.
 * @returns {Promise<{ session: string, expiresAt: string } | null>} null where nobody has it
 */
export async function openSession(api, email) {
  const { member } = await ask(api, "query Who($email: String!) { member(email: $email) { id } }", { email });
  if (!member) return null;
  const { createMemberSession: made } = await ask(
    api,
    `mutation OpenSession($member: ID!) {
      createMemberSession(input: { member: $member, lifetime: "PT1H" }) { session expiresAt userErrors { message } }
    }`,
    { member: member.id },
  );
  if (!made.session) throw new Error(made.userErrors[0]?.message ?? "no session was opened");
  return { session: made.session, expiresAt: made.expiresAt };
}

const MAX_BODY = 1024;

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_BODY) throw new Error("the request is too large");
  }
  return JSON.parse(text);
}

/** The status and the answer to `POST /session` with `{"email": "…"}`. */
async function answerTo(api, request) {
  const here = ["127.0.0.1", "::1", "::ffff:127.0.0.1"].includes(request.socket.remoteAddress);
  if (!here) return [403, { message: "This example opens sessions for its own machine alone." }];
  // A foreign page cannot send JSON here without being asked first.
  const isJson = request.headers["content-type"] === "application/json";
  if (request.method !== "POST" || !isJson) return [405, { message: "POST JSON." }];
  if (!api.token) return [503, { message: "LATCHKEY_TOKEN is not set: start the example with an APP token." }];
  const { email } = await bodyOf(request);
  const opened = await openSession(api, String(email));
  return opened ? [200, opened] : [404, { message: "The club knows nobody with this e-mail." }];
}

/** A Vite plugin that answers `/session`. */
export function sessions(api) {
  const answer = async (request, response) => {
    let [status, body] = [502, { message: "No session could be opened: the terminal says why." }];
    try {
      [status, body] = await answerTo(api, request);
    } catch (error) {
      console.error(`/session: ${error.message}`);
    }
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store" });
    response.end(JSON.stringify(body));
  };
  const mount = (server) => void server.middlewares.use("/session", answer);
  return { name: "member-sessions", configureServer: mount, configurePreviewServer: mount };
}
