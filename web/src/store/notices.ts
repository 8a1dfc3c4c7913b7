/** Failures in words, where a person sees them. */

import { ApiError } from "../api/http";
import { Unreadable } from "../documents/fields";
import { texts } from "../texts/panels";
import { notify } from "./shell";

/** Shows what went wrong and what to do. What is no known failure is a defect, and is thrown on. */
export function report(problem: unknown): void {
  if (problem instanceof ApiError || problem instanceof Unreadable) {
    notify({ kind: "error", text: problem.message, ...(problem.hint === "" ? {} : { hint: problem.hint }) });
    return;
  }
  notify({ kind: "error", text: texts.notices.defect });
  throw problem;
}
