/** Numbers and dates as the language writes them. */

import { language } from "./language";

/** A number with so many places after the point, which is a comma in German. */
export function decimal(value: number, places: number): string {
  return value.toLocaleString(language, {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
    useGrouping: false,
  });
}

/** The day of a Unix time. */
export function date(seconds: number): string {
  return new Date(seconds * 1000).toLocaleDateString(language);
}

/** Day and hour of a Unix time. */
export function dateAndTime(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString(language);
}
