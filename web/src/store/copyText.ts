/** A text onto the clipboard, which the browser may refuse. */

import { resultTexts as t } from "../texts/results";
import { notify } from "./shell";

export async function copyText(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    notify({ kind: "success", text: t.copied });
  } catch (problem) {
    if (!(problem instanceof DOMException)) throw problem;
    notify({ kind: "error", text: t.notCopied, hint: t.notCopiedHint });
  }
}
