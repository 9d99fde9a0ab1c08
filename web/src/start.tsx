// Starts the playground in the page.
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "./playground.css";
import { Playground } from "./playground";

const root = document.getElementById("root");
if (root) createRoot(root).render(<Playground />);
