/** A dialog: titled, closed by Escape, and keeping the focus inside. */

import { X } from "lucide-react";
import { Dialog } from "radix-ui";
import type { ReactNode } from "react";
import { texts } from "../texts/panels";
import { closeDialog, useFocusKeeper } from "./focusing";
import { IconButton } from "./Pieces";

interface ModalProps {
  readonly title: string;
  readonly wide?: boolean;
  /** It takes all of the page. */
  readonly full?: boolean;
  readonly footer?: ReactNode;
  readonly tools?: ReactNode;
  /** The body fills the dialog to its edges. */
  readonly bare?: boolean;
  readonly children: ReactNode;
}

export function Modal({ title, wide, full, footer, tools, bare, children }: ModalProps) {
  const { onCloseAutoFocus } = useFocusKeeper();
  const size = full ? " dialog--full" : wide ? " dialog--wide" : "";
  return (
    <Dialog.Root open onOpenChange={(open) => !open && closeDialog()}>
      <Dialog.Portal>
        {/* A plain element: the library's own writes a style sheet into the page, which the page's policy forbids. */}
        <div className="dialog__overlay" />
        <Dialog.Content
          className={`dialog${size}`}
          aria-describedby={undefined}
          onCloseAutoFocus={onCloseAutoFocus}
        >
          <div className="dialog__header">
            <Dialog.Title className="dialog__title">{title}</Dialog.Title>
            {tools}
            <IconButton icon={X} label={texts.common.close} onClick={closeDialog} />
          </div>
          <div className={bare ? "dialog__body dialog__body--bare" : "dialog__body"}>{children}</div>
          {footer && <div className="dialog__footer">{footer}</div>}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
