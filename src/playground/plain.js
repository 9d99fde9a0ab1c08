// The plain playground: choose an operation, run it, read the response. Plain browser code without dependencies. Input stays in
// the page; only the token is stored, in sessionStorage.
import { byGroup, readOperation } from "./operation.js";
import { isSubscription, listen } from "./listen.js";
import { ask, checkToken, keepToken, readToken, wordsFor } from "./session.js";

const [tokenForm, token, standing, list, request, query, variables, run, words, answer] = [
  "token-form",
  "token",
  "standing",
  "operations",
  "request",
  "query",
  "variables",
  "run",
  "words",
  "answer",
].map((id) => document.getElementById(id));

async function showStanding() {
  const checked = readToken();
  const { state, words } = await checkToken();
  // Ignore the result if the token was replaced in the meantime.
  if (checked !== readToken()) return;
  standing.dataset.state = state;
  standing.textContent = words;
}

function takeToken() {
  keepToken(token.value);
  token.value = readToken();
  return showStanding();
}

/** Scrolls to an element that is above the viewport or in its lower half: in the one-column layout, or beside a long list. */
function reveal(element) {
  const { top } = element.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) element.scrollIntoView();
}

function show(operation, button) {
  if (stopListening) endListening("");
  query.value = operation.query;
  variables.value = operation.variables;
  words.textContent = "";
  answer.textContent = "";
  list.querySelector("[aria-current]")?.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
}

function listOperations(operations) {
  const buttons = [];
  for (const { group, operations: members } of byGroup(operations)) {
    const heading = document.createElement("h3");
    heading.textContent = group;
    const items = document.createElement("ul");
    for (const operation of members) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = operation.title;
      button.addEventListener("click", () => {
        show(operation, button);
        reveal(request);
      });
      buttons.push([operation, button]);
      const item = document.createElement("li");
      item.append(button);
      items.append(item);
    }
    list.append(heading, items);
  }
  if (buttons.length > 0) show(...buttons[0]);
}

function readVariables() {
  const text = variables.value.trim();
  return text ? JSON.parse(text) : undefined;
}

/** Ends the running subscription; null if none runs. */
let stopListening = null;

function endListening(message) {
  stopListening?.();
  stopListening = null;
  run.textContent = "Run";
  words.textContent = message;
}

function startListening(body) {
  run.textContent = "Stop";
  words.textContent = "Waiting for events…";
  answer.textContent = "";
  reveal(answer);
  stopListening = listen(body, {
    // The newest event first, so that it appears at the top.
    next: (payload) => answer.prepend(`${JSON.stringify(payload, null, 2)}\n`),
    end: (message, refused) => {
      endListening(message);
      if (refused) showStanding();
    },
  });
}

async function send() {
  if (stopListening) return endListening("Stopped.");
  let body;
  try {
    body = { query: query.value, variables: readVariables() };
  } catch (error) {
    words.textContent = `The variables are not valid JSON: ${error.message}`;
    return;
  }
  if (isSubscription(body.query)) return startListening(body);
  run.disabled = true;
  words.textContent = "Sending the request…";
  answer.textContent = "";
  try {
    const response = await ask(body);
    const text = await response.text();
    const json = parsed(text);
    words.textContent = response.ok ? "" : wordsFor(response.status, json);
    answer.textContent = json === undefined ? text : JSON.stringify(json, null, 2);
    reveal(answer);
    if (response.status === 401) await showStanding();
  } finally {
    run.disabled = false;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

tokenForm.addEventListener("submit", (event) => {
  event.preventDefault();
  takeToken();
});
token.addEventListener("blur", () => {
  if (token.value !== readToken()) takeToken();
});
request.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
request.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
});

token.value = readToken();
showStanding();
const texts = await (await fetch(new URL("./operations.json", import.meta.url))).json();
listOperations(texts.map(readOperation));
