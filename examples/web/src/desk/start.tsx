// Starts the desk screen.
import { render } from "preact";
import "../shared/style.css";
import { Session } from "../shared/session";
import { tokenStore } from "../shared/token";
import { Page } from "./page";
import { TokenBox } from "./token-box";

const root = document.getElementById("root");
if (root) {
  render(
    <Session store={tokenStore("latchkey:desk-token")} ask={(take, ended) => <TokenBox take={take} ended={ended} />}>
      {(leave) => <Page leave={leave} />}
    </Session>,
    root,
  );
}
