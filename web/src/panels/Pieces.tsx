/** Pieces that several panels are made of: header, search field, failure, emptiness, icon button. */

import type { LucideIcon } from "lucide-react";
import { Search, X } from "lucide-react";
import type { ButtonHTMLAttributes, ReactNode } from "react";
import { texts } from "../texts/panels";

interface IconButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly icon: LucideIcon;
  readonly label: string;
  readonly danger?: boolean;
  readonly size?: number;
}

export function IconButton({ icon: Icon, label, danger, size = 16, className, ...rest }: IconButtonProps) {
  const classes = ["icon-button", danger ? "icon-button--danger" : "", className ?? ""].join(" ").trim();
  return (
    <button type="button" className={classes} aria-label={label} title={label} {...rest}>
      <Icon size={size} aria-hidden />
    </button>
  );
}

export function PanelHeader({ title, children }: { readonly title: string; readonly children?: ReactNode }) {
  return (
    <div className="panel__header">
      <h2 className="panel__title">{title}</h2>
      <div className="panel__tools">{children}</div>
    </div>
  );
}

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly onEnter?: () => void;
  readonly autoFocus?: boolean;
}

export function SearchField({ label, value, onChange, onEnter, autoFocus }: SearchFieldProps) {
  return (
    <div className="search-field">
      <Search size={14} aria-hidden />
      <input
        className="field"
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        // biome-ignore lint/a11y/noAutofocus: a dialog that is opened to search begins there
        autoFocus={autoFocus}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") onEnter?.();
        }}
      />
      {value !== "" && (
        <IconButton icon={X} size={13} label={texts.common.close} onClick={() => onChange("")} />
      )}
    </div>
  );
}

/** The ref of a panel: whoever opens it is in it, so that Tab goes on inside. */
export function arrive(panel: HTMLElement | null): void {
  panel?.focus({ preventScroll: true });
}

interface EmptyProps {
  readonly icon: LucideIcon;
  readonly title: string;
  readonly hint?: string;
  readonly children?: ReactNode;
}

export function Empty({ icon: Icon, title, hint, children }: EmptyProps) {
  return (
    <div className="empty">
      <Icon size={32} strokeWidth={1.5} aria-hidden />
      <p className="empty__title">{title}</p>
      {hint !== undefined && <p>{hint}</p>}
      {children}
    </div>
  );
}

interface FailedProps {
  readonly message: string;
  readonly hint: string;
  readonly onRetry?: () => void;
}

export function Failed({ message, hint, onRetry }: FailedProps) {
  return (
    <div className="empty" role="alert">
      <p className="empty__title">{message}</p>
      {hint !== "" && <p>{hint}</p>}
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          {texts.common.retry}
        </button>
      )}
    </div>
  );
}

export function Loading() {
  return (
    <div className="empty" role="status">
      {texts.common.loading}
    </div>
  );
}

/** A progress bar from 0 to 1. */
export function Progress({ value, label }: { readonly value: number; readonly label: string }) {
  const percent = Math.round(value * 100);
  return (
    <div
      className="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <div className="progress__bar" style={{ width: `${percent}%` }} />
    </div>
  );
}
