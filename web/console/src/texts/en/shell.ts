// The frame: sign-in, navigation, connection.
export const shell = {
  skip: "Skip to the content",
  menu: "Menu",
  navigation: "Main navigation",
  language: "Language",
  account: "Account and language",
  signOut: "Sign out",
  signedInAs: "Signed in as",
  singleSignOn: "Single sign-on",
  until: (when: string) => `until ${when}`,
  roles: { ADMIN: "Admin", APP: "App server", DESK: "Front desk", READER: "Read only", MEMBER: "Member" },
  live: { connecting: "Connecting…", live: "Live", away: "Reconnecting…" },
  notFound: {
    title: "This page does not exist",
    explanation: "The address may be mistyped, or your role may not include the page.",
    home: "Go to the home page",
  },
  memberOnly: {
    title: "The console is for staff",
    explanation: "You are signed in with a member session. Sign out, and sign in with a token of the club's staff.",
  },
};

export const nav = {
  home: "Home",
  setup: "Set-up",
  doors: "Doors and groups",
  rules: "Rules",
  people: "People",
  revocations: "Held revocations",
  sources: "Sources",
  webhooks: "Outbound webhooks",
  tokens: "Tokens",
  history: "History",
};

export const signIn = {
  title: "Sign in",
  lead: "Admin console for door access",
  token: "Token",
  tokenHint: "An admin creates tokens on the page Tokens; the first one is printed when the club is created. It is forgotten when you close this tab.",
  submit: "Sign in with the token",
  with: (name: string) => `Sign in with ${name}`,
  or: "or",
  required: "Enter a token.",
  refused: "The server refuses this token. It is mistyped, was revoked or has expired.",
  member: "This is a member session. The console needs a token of the club's staff.",
  unreachable: "The server does not answer. Check your connection, and try again.",
  ended: {
    token: "You were signed out: the token was revoked or has expired. Sign in again.",
    session: "You were signed out: your session has ended. Sign in again.",
  },
  problems: {
    settings: "The sign-in with the identity provider is not set up completely. Tell the person who runs this service.",
    provider: "The identity provider does not answer as expected. Try again; if it stays so, tell the person who runs this service.",
    denied: "The sign-in was refused or cancelled at the identity provider.",
    expired: "The sign-in took too long, or it began in another window. Try again.",
    "no-role": "You are signed in at the identity provider, but have no role in this club. Ask an admin of the club.",
    unavailable: "The service cannot reach its database. Try again in a minute.",
  },
  signOutFailed: "The server did not confirm the sign-out. Close the browser to be safe.",
};
