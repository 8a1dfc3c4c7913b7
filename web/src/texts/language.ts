/** The language of the editor: what a person chose, else what the browser prefers. It holds until the page is loaded anew. */

export type Language = "en" | "de";

/** Each language by its own name. */
export const LANGUAGES: Readonly<Record<Language, string>> = { en: "English", de: "Deutsch" };

const KEY = "weft.language";

export const language: Language = chosenLanguage() ?? preferred(browserLanguages());

/** The texts of the language. The German ones have the type of the English: none can be missing. */
export function inLanguage<Texts>(english: Texts, german: Texts): Texts {
  return language === "de" ? german : english;
}

/** What a person chose; `null` for the browser's preference. */
export function chosenLanguage(): Language | null {
  const kept = storage()?.getItem(KEY) ?? "";
  return isLanguage(kept) ? kept : null;
}

/** Keeps a choice for the next load of the page. */
export function keepLanguage(choice: Language | null): void {
  if (choice === null) storage()?.removeItem(KEY);
  else storage()?.setItem(KEY, choice);
}

/** The first of a person's languages that there is. */
export function preferred(languages: readonly string[]): Language {
  return languages.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}

export function isLanguage(code: string): code is Language {
  return Object.hasOwn(LANGUAGES, code);
}

function browserLanguages(): readonly string[] {
  return typeof document === "undefined" ? [] : navigator.languages;
}

function storage(): Storage | null {
  return typeof document === "undefined" ? null : localStorage;
}
