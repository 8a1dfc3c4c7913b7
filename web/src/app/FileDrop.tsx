/** Files dropped anywhere: workflows open; other pictures become an image node where they fall. */

import { useEffect, useState } from "react";
import { addPicture } from "../canvas/addPicture";
import { openFile } from "../store/files";
import { appTexts } from "../texts/app";

function carriesFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

async function take(event: DragEvent): Promise<void> {
  const place = { clientX: event.clientX, clientY: event.clientY };
  for (const file of event.dataTransfer?.files ?? []) {
    if (!(await openFile(file))) await addPicture(file, place);
  }
}

export function FileDrop() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const drag = (event: DragEvent): void => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      setOver(false);
      if (event.defaultPrevented || !carriesFiles(event)) return;
      event.preventDefault();
      void take(event);
    };
    const end = (): void => setOver(false);
    window.addEventListener("dragover", drag);
    window.addEventListener("dragleave", leave);
    window.addEventListener("drop", drop);
    window.addEventListener("dragend", end);
    return () => {
      window.removeEventListener("dragover", drag);
      window.removeEventListener("dragleave", leave);
      window.removeEventListener("drop", drop);
      window.removeEventListener("dragend", end);
    };
  }, []);
  return over ? <div className="file-drop">{appTexts.dropFile}</div> : null;
}
