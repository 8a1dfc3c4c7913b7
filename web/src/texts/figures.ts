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

/** How much a file or a memory holds: `1.2 GB`. */
export function byteSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const value = bytes / 1000 ** power;
  return `${decimal(value, power === 0 || value >= 100 ? 0 : 1)} ${units[power]}`;
}
