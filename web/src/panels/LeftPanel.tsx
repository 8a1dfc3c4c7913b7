/** What the dock on the left holds; each panel is loaded when it is first opened. */

import { type LeftPanel as Name, useShell } from "../store/shell";
import { Later, later } from "../widgets/later";
import "./panels.css";

const GalleryPanel = later(async () => (await import("./GalleryPanel")).GalleryPanel);
const LibraryPanel = later(async () => (await import("./LibraryPanel")).LibraryPanel);
const NodesPanel = later(async () => (await import("./NodesPanel")).NodesPanel);
const OutlinePanel = later(async () => (await import("./OutlinePanel")).OutlinePanel);
const QueuePanel = later(async () => (await import("./QueuePanel")).QueuePanel);
const TemplatesPanel = later(async () => (await import("./TemplatesPanel")).TemplatesPanel);

export function LeftPanel() {
  const left = useShell((state) => state.left);
  return left === null ? null : (
    <Later>
      <Panel name={left} />
    </Later>
  );
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
