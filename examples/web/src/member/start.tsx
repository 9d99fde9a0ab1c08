// Starts the member's page.
import { render } from "preact";
import "../shared/style.css";
import { Session } from "../shared/session";
import { tokenStore } from "../shared/token";
import { Page } from "./page";
import { SignIn } from "./sign-in";

const root = document.getElementById("root");
if (root) {
  render(
    <Session store={tokenStore("latchkey:session")} ask={(take, ended) => <SignIn take={take} ended={ended} />}>
      {(leave) => <Page leave={leave} />}
    </Session>,
    root,
  );
}
