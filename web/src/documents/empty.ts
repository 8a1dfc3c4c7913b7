/** The document that a new tab begins with. */

import { record } from "./fields";
import type { Document } from "./types";

export const EMPTY_DOCUMENT: Document = {
  format: 1,
  title: "Untitled",
  nodes: record(),
  view: record(),
  frames: record(),
  notes: record(),
  subgraphs: record(),
  form: [],
  models: [],
  meta: {},
  signatures: record(),
  rest: {},
};
