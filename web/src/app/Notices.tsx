/** Short messages in a corner. */

import { CircleAlert, CircleCheck, Info, TriangleAlert, X } from "lucide-react";
import { dismiss, type Notice, useShell } from "../store/shell";
import { appTexts } from "../texts/app";

const ICONS = { info: Info, success: CircleCheck, warning: TriangleAlert, error: CircleAlert };

export function Notices() {
  const notices = useShell((state) => state.notices);
  return (
    <div className="notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <NoticeCard key={notice.id} notice={notice} />
      ))}
    </div>
  );
}

function NoticeCard({ notice }: { notice: Notice }) {
  const Icon = ICONS[notice.kind];
  return (
    <div className={`notice notice--${notice.kind}`}>
      <Icon size={16} aria-hidden="true" />
      <div className="notice__text">
        <p>{notice.text}</p>
        {notice.hint && <p className="hint">{notice.hint}</p>}
        {notice.action && (
          <button
            type="button"
            className="button"
            onClick={() => {
              notice.action?.run();
              dismiss(notice.id);
            }}
          >
            {notice.action.label}
          </button>
        )}
      </div>
      <button
        type="button"
        className="icon-button"
        aria-label={appTexts.dismiss}
        onClick={() => dismiss(notice.id)}
      >
        <X size={14} />
      </button>
    </div>
  );
}
