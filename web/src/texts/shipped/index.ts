/** The words of the workflows that ship, which are written in English in their files. */

import { inLanguage } from "../language";
import { workflowTexts as german } from "./de";

const words = inLanguage<Readonly<Record<string, string>>>({}, german);

/** A text of a shipped workflow in the language of the editor; one that is not known stays as it is. */
export function ownWords(text: string): string {
  return words[text] ?? text;
}
