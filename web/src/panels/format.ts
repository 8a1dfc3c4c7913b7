/** Times and sizes as a person reads them. */

import { date, decimal } from "../texts/figures";
import { texts } from "../texts/panels";

/** How long ago a Unix time was; the date, where that says more. */
export function ago(seconds: number, now = Date.now() / 1000): string {
  const past = now - seconds;
  if (past < 60) return texts.time.now;
  if (past < 3600) return texts.time.minutes(Math.floor(past / 60));
  if (past < 86_400) return texts.time.hours(Math.floor(past / 3600));
  if (past < 172_800) return texts.time.yesterday;
  return date(seconds);
}

/** `0.4 s`, `12 s`, `3:05 min`, `1:02:09 h`. */
export function duration(seconds: number): string {
  if (seconds < 10) return `${decimal(seconds, seconds < 1 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)} h`;
}
