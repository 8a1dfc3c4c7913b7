/**
 * Parts of the editor that the page does not need at first: each is loaded when it is first shown, and all of them when
 * the page has nothing else to do, so that a server that is away later keeps nothing from being opened.
 */

import { Component, type ComponentType, lazy, type ReactNode, Suspense } from "react";
import { appTexts } from "../texts/app";
import { texts } from "../texts/panels";

const rest: (() => Promise<unknown>)[] = [];

/** Notes that a module will be wanted, and returns the way to it. */
export function wantedLater<Module>(load: () => Promise<Module>): () => Promise<Module> {
  rest.push(load);
  return load;
}

/** A component that is loaded when it is first shown. Show it inside `Later`. */
export function later<Props>(load: () => Promise<ComponentType<Props>>) {
  const wanted = wantedLater(load);
  return lazy(async () => ({ default: await wanted() }));
}

/** Loads what is still missing, one after the other. */
export async function loadRest(): Promise<void> {
  for (const load of rest) await load().catch(() => undefined);
}

interface LaterState {
  readonly problem: string | null;
}

/** Room for such a part. Where it cannot be shown, it says so, and the rest of the page goes on. */
export class Later extends Component<{ readonly children: ReactNode }, LaterState> {
  override state: LaterState = { problem: null };

  static getDerivedStateFromError(problem: unknown): LaterState {
    return { problem: problem instanceof Error ? problem.message : String(problem) };
  }

  override render(): ReactNode {
    if (this.state.problem === null) return <Suspense>{this.props.children}</Suspense>;
    return (
      <div className="empty" role="alert">
        <p className="empty__title">{appTexts.partFailed}</p>
        <p>{this.state.problem}</p>
        <button type="button" className="button" onClick={() => location.reload()}>
          {texts.common.retry}
        </button>
      </div>
    );
  }
}
