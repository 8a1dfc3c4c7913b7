/** Commands on the document as a whole. */

import type { Edit } from "./edit";

export function setTitle(title: string): Edit {
  return {
    label: "Rename workflow",
    gesture: "title",
    recipe: (graph) => {
      graph.title = title;
    },
  };
}
