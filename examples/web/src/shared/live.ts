// Whether events come in as they happen, for everything inside a signed-in page.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Live } from "./client";

export const LiveContext = createContext<Live>("connecting");

export const useLiveState = () => useContext(LiveContext);
