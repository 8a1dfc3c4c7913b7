/** The picture of a workflow in a list; a sign where it has none. */

import { Workflow } from "lucide-react";

/** @param url Where the picture is; nothing where the workflow has none. */
export function Cover({ url }: { readonly url: string | undefined }) {
  return (
    <span className="cover" aria-hidden>
      {url === undefined ? (
        <Workflow size={18} strokeWidth={1.5} />
      ) : (
        <img src={url} alt="" loading="lazy" draggable={false} />
      )}
    </span>
  );
}
