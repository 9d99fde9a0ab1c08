import { LANGUAGES, useLanguage, useTexts } from "../texts";

export function Languages() {
  const { shell } = useTexts();
  const { language, setLanguage } = useLanguage();
  return (
    <div class="languages" role="group" aria-label={shell.language}>
      {LANGUAGES.map(({ code, name }) => (
        <button key={code} type="button" lang={code} title={name} aria-pressed={code === language} onClick={() => setLanguage(code)}>
          {code.toUpperCase()}
          <span class="unseen"> {name}</span>
        </button>
      ))}
    </div>
  );
}
