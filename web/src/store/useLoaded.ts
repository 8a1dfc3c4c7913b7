/** Something asked of the server, kept until it is asked anew. */

import { useCallback, useEffect, useState } from "react";
import { ApiError } from "../api/http";
import { Unreadable } from "../documents/fields";

export type Loaded<Value> =
  | { readonly kind: "loading" }
  | { readonly kind: "ready"; readonly value: Value }
  | { readonly kind: "failed"; readonly message: string; readonly hint: string };

/** Loads at first and whenever `load` is another function; what was there stays until the new answer is. */
export function useLoaded<Value>(load: () => Promise<Value>): readonly [Loaded<Value>, () => void] {
  const [loaded, setLoaded] = useState<Loaded<Value>>({ kind: "loading" });
  const [turn, setTurn] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another turn asks again
  useEffect(() => {
    let wanted = true;
    load().then(
      (value) => {
        if (wanted) setLoaded({ kind: "ready", value });
      },
      (problem: unknown) => {
        if (!(problem instanceof ApiError || problem instanceof Unreadable)) throw problem;
        if (wanted) setLoaded({ kind: "failed", message: problem.message, hint: problem.hint });
      },
    );
    return () => {
      wanted = false;
    };
  }, [load, turn]);
  return [loaded, useCallback(() => setTurn((count) => count + 1), [])];
}
