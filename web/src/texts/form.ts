/** What the simple view of a workflow says. */

import { formTexts as german } from "./de/form";
import { inLanguage } from "./language";

const formTextsEnglish = {
  toggle: "Form or graph",
  form: "Form",
  graph: "Graph",
  title: "Form",
  empty: "No inputs are chosen yet",
  emptyHint: "A form shows the few inputs that matter: for those who only want the picture, and for a phone.",
  suggest: "Suggest a form",
  change: "Change the form",
  done: "Done",
  add: "Add an input…",
  addFrom: "Search all inputs",
  label: "Label",
  group: "Group",
  name: "Name over HTTP",
  min: "Least",
  max: "Most",
  up: (label: string) => `Move ${label} up`,
  down: (label: string) => `Move ${label} down`,
  remove: (label: string) => `Take ${label} off the form`,
  gone: "This input is no longer in the workflow.",
  wired: "Set by a wire.",
  results: "Pictures",
  noResults: "Press Run: the pictures appear here.",
  show: (label: string) => `Show ${label} on the form`,
  call: "Use over HTTP",
  callHint: "Every field of the form is a value of the call; what is left out stays as it is saved.",
  callSaved: "The saved version is what runs: save to change it.",
  callUnsaved: "Save the workflow, and it can be called by its name.",
  callToken: "Send the server's token along: -H 'Authorization: Bearer …'",
  callLine: "The call, as a line for a shell",
  copy: "Copy",
  hide: (label: string) => `Take ${label} off the form`,
};

export type FormTexts = typeof formTextsEnglish;
export const formTexts = inLanguage(formTextsEnglish, german);
