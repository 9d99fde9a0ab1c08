// The language of the console: the texts, and the switch. The German texts have the type of the English ones, so a missing
// text does not compile.
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useMemo, useState } from "preact/hooks";
import * as de from "./de";
import * as en from "./en";
import type { Same } from "./same";

export type Texts = Same<typeof en>;
export type Language = "en" | "de";

const ALL: Record<Language, Texts> = { en, de };
export const LANGUAGES: { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "de", name: "Deutsch" },
];
/** How dates and numbers are written. */
export const LOCALES: Record<Language, string> = { en: "en-GB", de: "de-DE" };

const KEY = "latchkey:language";

function firstLanguage(): Language {
  const stored = localStorage.getItem(KEY);
  if (stored === "en" || stored === "de") return stored;
  return navigator.language.toLowerCase().startsWith("de") ? "de" : "en";
}

interface LanguageState {
  language: Language;
  setLanguage: (language: Language) => void;
}

const LanguageContext = createContext<LanguageState>({ language: "en", setLanguage: () => {} });

export const useLanguage = () => useContext(LanguageContext);

/** The texts of the chosen language: `useTexts().home.title`. */
export const useTexts = (): Texts => ALL[useLanguage().language];

export function LanguageProvider({ children }: { children: ComponentChildren }) {
  const [language, setLanguage] = useState(firstLanguage);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const state = useMemo(
    () => ({
      language,
      setLanguage: (chosen: Language) => {
        localStorage.setItem(KEY, chosen);
        setLanguage(chosen);
      },
    }),
    [language],
  );
  return <LanguageContext.Provider value={state}>{children}</LanguageContext.Provider>;
}

/** The text for a value of an enum; the value itself in plain letters where the server is newer than the console. */
export function textFor(texts: Partial<Record<string, string>>, value: string): string {
  return texts[value] ?? value.toLowerCase().replaceAll("_", " ");
}
