/** What is on the clipboard: a picture becomes an image node, a workflow opens, and otherwise the copied nodes are pasted. */

import { addPicture } from "../canvas/addPicture";
import { perform } from "../store/actions";
import { openFile } from "../store/files";

function writing(target: EventTarget | null): boolean {
  return (
    target instanceof Element && target.closest("input, textarea, [contenteditable], [role=dialog]") !== null
  );
}

export function keepPasting(): void {
  let pointer = { clientX: window.innerWidth / 2, clientY: window.innerHeight / 2 };
  window.addEventListener("pointermove", ({ clientX, clientY }) => {
    pointer = { clientX, clientY };
  });
  window.addEventListener("paste", (event) => {
    if (event.defaultPrevented || writing(event.target)) return;
    event.preventDefault();
    const [file] = event.clipboardData?.files ?? [];
    const text = event.clipboardData?.getData("text/plain") ?? "";
    if (file) void openFile(file).then((opened) => (opened ? undefined : addPicture(file, pointer)));
    else if (/^\s*\{[\s\S]*"nodes"/.test(text)) void openFile(new File([text], "Pasted.json"));
    else perform("node.paste");
  });
}
