/** Failures in words, where a person sees them. */

import { ApiError } from "../api/http";
import { Unreadable } from "../documents/fields";
import { texts } from "../texts/panels";
import { notify, showDialog, useShell } from "./shell";

/** Does the server want to know who asks, before anything else? */
export function wantsToken(problem: unknown): boolean {
  return problem instanceof ApiError && problem.code === "guard.token";
}

export function askToken(): void {
  if (useShell.getState().dialog === null) showDialog({ kind: "token" });
}

/** Shows what went wrong and what to do. What is no known failure is a defect, and is thrown on. */
export function report(problem: unknown): void {
  if (wantsToken(problem)) {
    askToken();
    return;
  }
  if (problem instanceof ApiError || problem instanceof Unreadable) {
    notify({ kind: "error", text: problem.message, ...(problem.hint === "" ? {} : { hint: problem.hint }) });
    return;
  }
  notify({ kind: "error", text: texts.notices.defect });
  throw problem;
}
