/** Why something is refused: a wire that does not fit, a file that cannot be read, a server that does not answer. */

import * as german from "./de/refusals";
import { inLanguage } from "./language";

/** `an Image`, `a Latent`. */
function withArticle(type: string): string {
  if (type === "*") return "anything";
  return `${/^[AEIOU]/.test(type) ? "an" : "a"} ${type}`;
}

function listed(types: readonly string[]): string {
  const last = withArticle(types.at(-1) ?? "*");
  return types.length < 2 ? last : `${types.slice(0, -1).join(", ")} or ${types.at(-1)}`;
}

const fitTextsEnglish = {
  gone: "There is no such port any more.",
  itself: "A node cannot feed itself.",
  circle: "This would close a circle: the node would wait for itself.",
  takes: (label: string, types: readonly string[], offered: string) =>
    `${label} takes ${listed(types)}, but this is ${withArticle(offered)}.`,
};

export type FitTexts = typeof fitTextsEnglish;
export const fitTexts = inLanguage(fitTextsEnglish, german.fitTexts);

const readTextsEnglish = {
  noJson: "This file is not JSON.",
  readerSays: (message: string) => `The reader says: ${message}`,
  format: "This file says that it is of a format other than 1.",
  formatHint: "It may come from a newer version of Weft; update, then open it again.",
  id: (id: string) => `“${id}” cannot be the id of a node.`,
  idHint: "Ids are made of letters, digits, `_` and `-`, at most 64 of them.",
  brokenText: "The workflow that this picture carries is damaged.",
  brokenTextHint: "Look for the picture as it was saved; programs that edit pictures may damage their texts.",
  longText: "This picture carries a text that is too long for a workflow.",
  longTextHint: "It is no picture that was made here.",
  object: (what: string, found: string) => `${what} should be an object, but is ${found}.`,
  list: (what: string, found: string) => `${what} should be a list, but is ${found}.`,
  text: (what: string, found: string) => `${what} should be text, but is ${found}.`,
  number: (what: string, found: string) => `${what} should be a number, but is ${found}.`,
  missing: "missing",
  aList: "a list",
  anObject: "an object",
  input: (what: string) => `${what} is an object that is neither a wire nor a value.`,
  inputHint: 'Write {"link": [node, output]}, {"links": [[node, output], …]} or {"value": …}.',
  wire: (what: string) => `${what}: a wire is a pair of a node's id and the name of its output.`,
};

export type ReadTexts = typeof readTextsEnglish;
export const readTexts = inLanguage(readTextsEnglish, german.readTexts);

const serverTextsEnglish = {
  silent: "The server does not answer.",
  silentHint: "Is it running? The editor tries again by itself.",
  unreadable: (status: number) => `The server's answer cannot be read (status ${status}).`,
  unreadableHint: "Is something else listening on this address?",
  no: (status: number) => `The server said no (status ${status}).`,
};

export type ServerTexts = typeof serverTextsEnglish;
export const serverTexts = inLanguage(serverTextsEnglish, german.serverTexts);
