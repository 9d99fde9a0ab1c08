// Starts the console.
import { render } from "preact";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/layout.css";
import "./styles/parts.css";
import { LiveProvider } from "./api/live";
import { CurrentPage } from "./app/current-page";
import { Frame } from "./app/frame";
import { ToastProvider } from "./parts/toast";
import { SessionProvider } from "./session/session";
import { ViewerProvider } from "./session/viewer";
import { LanguageProvider } from "./texts";

const root = document.getElementById("root");
if (root) {
  render(
    <LanguageProvider>
      <SessionProvider>
        <LiveProvider>
          <ViewerProvider>
            <ToastProvider>
              <Frame>
                <CurrentPage />
              </Frame>
            </ToastProvider>
          </ViewerProvider>
        </LiveProvider>
      </SessionProvider>
    </LanguageProvider>,
    root,
  );
}
