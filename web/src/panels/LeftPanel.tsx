/** What the dock on the left holds. */

import { type LeftPanel as Name, useShell } from "../store/shell";
import { GalleryPanel } from "./GalleryPanel";
import { LibraryPanel } from "./LibraryPanel";
import { NodesPanel } from "./NodesPanel";
import { OutlinePanel } from "./OutlinePanel";
import { QueuePanel } from "./QueuePanel";
import { TemplatesPanel } from "./TemplatesPanel";
import "./panels.css";

export function LeftPanel() {
  const left = useShell((state) => state.left);
  return left === null ? null : <Panel name={left} />;
}

function Panel({ name }: { readonly name: Name }) {
  switch (name) {
    case "nodes":
      return <NodesPanel />;
    case "outline":
      return <OutlinePanel />;
    case "library":
      return <LibraryPanel />;
    case "templates":
      return <TemplatesPanel />;
    case "gallery":
      return <GalleryPanel />;
    case "queue":
      return <QueuePanel />;
    default:
      return name satisfies never;
  }
}
